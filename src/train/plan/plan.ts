import { z } from 'zod'
import { augmentSchema } from '../../data/augment/index.ts'
import { bounds } from '../../data/bounds.ts'
import { preprocessingNames, readingSchema } from '../../data/reading.ts'
import { type LineOf, problemsOf } from '../../data/schema-problems.ts'
import { defaultTestShare } from '../../data/test-share.ts'
import { devices, insteadOfDevices } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { contradictionInBorders } from './plan-borders.ts'
import { contradictionInDistil, distilSchema } from './plan-distil.ts'
import { model, optimiser, vocabulary, whole } from './plan-model.ts'
import { protocolMark } from './plan-protocol.ts'
import { contradictionInReplicas, replicasSchema } from './plan-replicas.ts'
import { stream } from './plan-stream.ts'
import { SELF } from './source-names.ts'

const preprocessing = z
  .union([
    preprocessingNames,
    z.strictObject({
      scale: z.number().default(1),
      mean: z.union([z.number(), z.array(z.number())]).default(0),
      std: z.union([z.number(), z.array(z.number())]).default(1),
    }),
  ])
  .default('default')
  .describe(
    'unit: pixels to 0..1; mnist: mean 0.1307, std 0.3081; stored: as they are; or {scale, mean, std}',
  )

export const data = z.strictObject({
  source: z
    .string()
    .min(1)
    .default('mnist')
    .describe('mnist, synthetic, or the path of a file or folder; list streams name theirs in stream.tasks'),
  unlabelled: z
    .string()
    .min(1)
    .optional()
    .describe(
      'rows without labels, on which distil teaches what the model said before each task: files or a folder',
    ),
  preprocessing,
  limit: z
    .strictObject({ train: bounds.samples(), test: bounds.samples() })
    .optional()
    .describe('at most so many samples of each part, chosen at random: for quick tries'),
  testShare: z
    .number()
    .gt(0)
    .lt(1)
    .default(defaultTestShare)
    .describe('share of the samples held out for testing where the data have no test part'),
  validationShare: z
    .number()
    .gt(0)
    .lt(1)
    .optional()
    .describe('tests on this share of the training rows instead, and leaves the test part alone: for tuning'),
  ...readingSchema.shape,
  vocabulary: vocabulary
    .optional()
    .describe('the words that a new transformer knows; default up to 10,000 of the first task’s texts'),
})

const methodOption = z.union([z.number(), z.string(), z.boolean(), z.null()])

const instead = {
  ...insteadOfDevices,
  auto: 'auto is for the flag alone (--device auto): a run keeps the device that it began with, so its configuration names one.',
}

/** One schema is a run's configuration, its documentation and its checks. */
export const planSchema = z.strictObject({
  name: z.string().min(1).default('learn').describe('what reports call it'),
  data: data.prefault({}),
  stream,
  model: model.prefault({ kind: 'mlp' }),
  method: z
    .strictObject({
      name: z
        .string()
        .min(1)
        .describe('none, joint, ewc, online-ewc, lwf, replay, …, or several: ewc+replay'),
      options: z.record(z.string(), methodOption).default({}).describe('e.g. lambda: 1000'),
    })
    .prefault({ name: 'none' }),
  optimiser: optimiser.prefault({ name: 'adam' }),
  learningRate: bounds.learningRate().default(0.001),
  schedule: z
    .strictObject({
      kind: z.enum(['constant', 'cosine', 'linear']).default('constant'),
      warmup: whole(0).default(0).describe('steps'),
      final: bounds.fromZero().default(0).describe('factor at the last step of a task'),
    })
    .prefault({}),
  clipNorm: bounds.aboveZero().optional().describe('bound of the common norm of the gradients'),
  recompute: z
    .boolean()
    .default(false)
    .describe('activations are computed again in the backward pass: less memory, a third more time'),
  labelSmoothing: z.number().min(0).lt(1).default(0),
  augment: augmentSchema.optional(),
  loss: z
    .enum(['cross-entropy', 'binary-cross-entropy', 'mse', 'causal-lm'])
    .optional()
    .describe(
      'default what the labels call for; causal-lm: texts are their own labels, each token of those before it',
    ),
  score: z
    .enum(['accuracy', 'subset', 'macro-f1'])
    .optional()
    .describe(
      'what tasks are scored by: accuracy (default; R^2 of numbers), subset (all labels of a row), macro-f1',
    ),
  iterations: bounds.steps().optional().describe('steps a task; this or epochs'),
  epochs: bounds.epochs().optional().describe('passes over the mean task’s data; instead of iterations'),
  batchSize: bounds.batch().default(128),
  seed: z.int().default(0),
  resetOptimiser: z.boolean().default(false).describe('start the optimiser anew with each task'),
  checkpointEvery: bounds.steps().optional().describe('steps between checkpoints within a task'),
  evaluateEvery: bounds.steps().optional().describe('steps between measurements of all tasks seen so far'),
  earlyStopping: z
    .strictObject({
      share: z.number().gt(0).lt(1).default(0.1),
      every: bounds.steps().default(100),
      patience: bounds.steps().default(5),
    })
    .optional()
    .describe('end a task when the loss on a held-out share no longer falls'),
  replicas: replicasSchema
    .optional()
    .describe('one training in several places: rounds of local steps, and their mean'),
  device: z.enum(devices).default('cpu').meta({ instead }),
  threads: bounds
    .threads()
    .optional()
    .describe(
      'of the runtime; default the physical cores. A run’s last bits belong to the number of threads',
    ),
  distil: distilSchema.optional().describe('teachers from files, for holdfast distil'),
  protocol: protocolMark.optional().describe('the protocol that a run of holdfast bench is made from'),
})

/** Everything that a run is, before it has run: enough to do it again. */
export type RunPlan = z.output<typeof planSchema>
/** As written in a configuration: what has a default may be left out. */
export type PlanInput = z.input<typeof planSchema>

/**
 * A configuration, checked, with its defaults filled in.
 *
 * @param from the file's name, for messages
 * @param lineOf says where in the file a setting stands
 * @throws UsageError `config` naming each place in the file that is wrong, e.g. `stream.scenario`.
 * @example
 * const plan = parsePlan({ stream: { kind: 'split' }, iterations: 500 })
 */
export function parsePlan(value: unknown, from = 'the configuration', lineOf?: LineOf): RunPlan {
  const result = planSchema.safeParse(value)
  if (!result.success) {
    const problems = problemsOf(planSchema, value, result.error.issues, lineOf)
    throw new UsageError('config', `${from} is not a configuration that can be run. ${problems.join(' ')}`)
  }
  const plan = result.data
  const contradiction = contradictionIn(plan)
  if (contradiction !== undefined) throw new UsageError('config', `${from}: ${contradiction}`)
  if (plan.iterations !== undefined && plan.epochs !== undefined) {
    throw new UsageError('config', `${from}: iterations and epochs are both given; leave one out.`)
  }
  return plan.iterations === undefined && plan.epochs === undefined ? { ...plan, epochs: 1 } : plan
}

/** What no single setting says. */
function contradictionIn(plan: RunPlan): string | undefined {
  const { data, model, loss, stream } = plan
  const { documents } = data
  const taught = contradictionInDistil(plan) ?? contradictionInReplicas(plan) ?? contradictionInBorders(plan)
  if (taught !== undefined) return taught
  if (documents && loss !== 'causal-lm') {
    return 'data.documents (--documents, --paragraphs, --pack, --overlap) says how a language model reads texts; set loss: causal-lm, or leave it out.'
  }
  if (loss === 'causal-lm' && (stream.kind !== 'list' || stream.scenario !== 'domain')) {
    return 'loss: causal-lm goes with a stream of kind list in the domain scenario: all tasks share the vocabulary.'
  }
  if (data.validationShare !== undefined && loss === 'causal-lm') {
    return 'data.validationShare cuts rows from those of training, and of texts whole documents are held out; leave it out.'
  }
  const bare = contradictionInUnlabelled(plan)
  if (bare !== undefined) return bare
  if (data.vocabulary && model.kind !== 'transformer') {
    return 'data.vocabulary says which words a new transformer knows; set model.kind to transformer, or leave it out.'
  }
  if (data.vocabulary && data.tokenizer !== undefined) {
    return 'data.tokenizer and data.vocabulary are both given; leave one out.'
  }
  if (model.kind !== 'onnx')
    return loss === 'causal-lm' ? 'loss: causal-lm needs a model of kind onnx.' : undefined
  if (model.lora && model.train !== undefined)
    return 'model.train and model.lora are both given; leave one out.'
  const past = contradictionInPast(model, stream) ?? contradictionInWritten(model, loss)
  if (past !== undefined) return past
  if (model.adapter !== undefined && !model.lora) {
    return 'model.adapter says where the updates of model.lora go, but model.lora is not given.'
  }
  if (model.adapterInputs !== undefined && !model.lora) {
    return 'model.adapterInputs makes inputs of the updates of model.lora, but model.lora is not given.'
  }
  return undefined
}

function contradictionInUnlabelled({ data, stream, loss, distil }: RunPlan): string | undefined {
  if (data.unlabelled === undefined) return undefined
  if (distil)
    return 'data.unlabelled is for the method distil; with teachers from files it is distil.unlabelled.'
  if (loss === 'causal-lm') {
    return 'data.unlabelled names rows without labels, and texts of a language model have none: name them as model.old, or leave them out.'
  }
  return stream.kind === 'permuted' || stream.kind === 'rotated'
    ? `data.unlabelled goes with streams of kind split or list: images of a ${stream.kind} stream are changed from task to task.`
    : undefined
}

function contradictionInPast(
  { old, trained, head }: Extract<RunPlan['model'], { kind: 'onnx' }>,
  { kind, scenario }: RunPlan['stream'],
): string | undefined {
  if (old === undefined) return undefined
  if (trained === false)
    return 'model.old is what the model was trained on, but model.trained is false; leave one out.'
  if (head === 'replace') {
    return 'model.old says what the model knows by its head, but model.head: replace starts a new one; leave one out.'
  }
  const sameUnits = scenario !== 'task' && (kind === 'list' || (kind === 'split' && scenario === 'class'))
  return sameUnits
    ? undefined
    : 'model.old goes with streams whose outputs are the model’s classes: a list in the class or domain scenario, or a split in the class scenario.'
}

function contradictionInWritten(
  { old, written }: Extract<RunPlan['model'], { kind: 'onnx' }>,
  loss: RunPlan['loss'],
): string | undefined {
  if (old !== SELF) {
    return (
      written &&
      'model.written says how the model writes its old texts, but model.old is not self; leave one out.'
    )
  }
  return loss === 'causal-lm'
    ? undefined
    : 'model.old: self is for models that write texts; set loss: causal-lm, or name data that the model was trained on.'
}
