import { z } from 'zod'
import { parseAugment } from '../../data/augment/index.ts'
import { type Dataset, samples } from '../../data/dataset.ts'
import { poolsWith, rowForm } from '../../data/memory/index.ts'
import { normalised } from '../../data/reading.ts'
import { DataError, UsageError } from '../../errors.ts'
import type { Method } from '../../methods/method.ts'
import { createMethod, methodParts } from '../../methods/registry.ts'
import { type TaughtOptions, type TaughtRows, taught } from '../../methods/taught.ts'
import { textTemperature, usualTemperature } from '../../methods/temperature.ts'
import {
  type LoraModel,
  parseSelection,
  selectParameters,
  trainOnly,
  withLora,
} from '../../model/adapters/index.ts'
import type { Model } from '../../model/model.ts'
import { itemAt, present } from '../../required.ts'
import { listStream } from '../../tasks/list.ts'
import { splitStream } from '../../tasks/split.ts'
import type { TaskStream } from '../../tasks/stream.ts'
import { permutedStream, rotatedStream } from '../../tasks/variants.ts'
import { float32, sizeOf } from '../../tensor/tensor.ts'
import { augmentationOf } from '../augment/index.ts'
import type { LearnOptions } from '../run/index.ts'
import {
  adam,
  type Optimiser,
  rmsprop,
  type StepSettings,
  schedule,
  sgd,
  type WeightDecay,
} from '../step/index.ts'
import type { AnswersAsked } from '../teach/index.ts'
import { planPast } from './given-past.ts'
import { refuseIdle } from './idle-methods.ts'
import { planModel } from './new-model.ts'
import type { RunPlan } from './plan.ts'
import { refuseBorders, rowCounts, withoutBorders } from './without-borders.ts'

/** Training and test data under one list of classes. */
export interface TrainTest {
  readonly train: Dataset
  readonly test: Dataset
  /** Where labels are in the order of a model's classes: which of them the data have, and how many the model has. */
  readonly known?: { readonly classes: readonly number[]; readonly units: number }
}

/** What teachers from files say (`distil`). */
export interface Lessons {
  /** Rows without labels beside those of the task. */
  readonly unlabelled: Dataset | undefined
  /** As `taught` takes them. */
  readonly answers: (rows: readonly TaughtRows[], asked: AnswersAsked) => ReturnType<TaughtOptions['answers']>
}

/** What a plan names and does not hold. */
export interface PlanInputs {
  /** The data of `plan.data`, or one pair for each task of a list stream. */
  readonly data: readonly TrainTest[]
  /** How many tokens the tokenizer knows that the data were read with, where the model is new. */
  readonly vocabulary?: number | undefined
  /** For `model: {kind: onnx}`, with the data's classes. */
  readonly model?: Model | undefined
  /** Rows that this model was trained on, as `model.old` names them. */
  readonly old?: Dataset | undefined
  /** Rows of `data.unlabelled`. */
  readonly unlabelled?: Dataset | undefined
  /** How many classes it knew before its head was widened. Default all. */
  readonly known?: number | undefined
  /** For plans with teachers. */
  readonly lessons?: Lessons | undefined
}

/** A plan as the trainer takes it, but for the engine and where it is kept. */
export interface PreparedPlan extends Omit<LearnOptions, 'engine' | 'store' | 'signal'> {
  /** The model before some of its parameters were chosen to train, or updates of them. */
  readonly base: Model
  /** Where low-rank updates train. */
  readonly lora?: LoraModel
}

/**
 * Makes a plan's stream, model, method and optimiser. Nothing is trained yet.
 *
 * @throws UsageError `model-data` when the model and the data cannot go together, `augment-data` for data that cannot be
 * augmented so; `method-replicas`, `method-borders` for a method that cannot learn so; `method-unlabelled` for a method that has no use for rows without labels, DataError
 * `unlabelled-form` for such rows of another form than the tasks’; `method-idle` for a method that would do nothing; and what the parts throw.
 */
export function preparePlan(plan: RunPlan, inputs: PlanInputs): PreparedPlan {
  const tasks = planStream(plan, inputs.data)
  const iterations = planIterations(plan, tasks, inputs.lessons?.unlabelled)
  const stream = plan.stream.borders ? withoutBorders(plan, plan.stream.borders, tasks, iterations) : tasks
  const base = planModel(plan, stream, inputs)
  const lora = planLora(plan, base)
  if (!plan.distil) refuseIdle(plan, stream.tasks.length)
  const { optimiser, weightDecay } = planOptimiser(plan)
  const method = planMethod(plan, inputs)
  if (plan.replicas) refuseReplicas(method)
  if (plan.stream.borders) refuseBorders(method)
  return {
    model: lora?.model ?? chosenParts(plan, base),
    base,
    ...(lora ? { lora } : {}),
    stream,
    method,
    past: planPast(plan, inputs, stream),
    unlabelled: planUnlabelled(plan, inputs, stream),
    settings: {
      optimiser,
      ...(weightDecay ? { weightDecay } : {}),
      ...(plan.clipNorm === undefined ? {} : { clipNorm: plan.clipNorm }),
      ...(plan.recompute ? { recompute: true } : {}),
      loss: {
        labelSmoothing: plan.labelSmoothing,
        // The labels of a causal language model are classes of tokens by now.
        ...(plan.loss === undefined || plan.loss === 'causal-lm' ? {} : { kind: plan.loss }),
        ...(plan.score === undefined ? {} : { score: plan.score }),
      },
      ...planAugment(plan, stream),
    },
    iterations,
    batchSize: plan.batchSize,
    learningRate: plan.learningRate,
    ...(plan.schedule.kind === 'constant' && plan.schedule.warmup === 0
      ? {}
      : { schedule: schedule(plan.schedule) }),
    seed: plan.seed,
    resetOptimiser: plan.resetOptimiser,
    // A round is one call, and each leaves a checkpoint: what several places did is dear.
    stepsPerCall: plan.replicas?.localSteps,
    checkpointEvery: plan.checkpointEvery ?? plan.replicas?.localSteps,
    ...(plan.evaluateEvery === undefined ? {} : { evaluateEvery: plan.evaluateEvery }),
    ...(plan.earlyStopping === undefined ? {} : { earlyStopping: plan.earlyStopping }),
  }
}

/** @throws UsageError `method-replicas` for a method that only one stream of steps can train. */
function refuseReplicas({ name, oneStream }: Method): void {
  if (oneStream === undefined) return
  throw new UsageError(
    'method-replicas',
    `The method ${name} cannot be trained by replicas. ${oneStream} Leave out replicas (--replicas), or take another method.`,
  )
}

/** Rows without labels, in the form of those of the tasks. */
function planUnlabelled(
  { method, data }: RunPlan,
  { unlabelled }: PlanInputs,
  { tasks }: TaskStream,
): Dataset | undefined {
  if (!unlabelled) return undefined
  if (!methodParts(method.name).some((part) => part.unlabelled)) {
    throw new UsageError(
      'method-unlabelled',
      `The method ${method.name} has no use for rows without labels (data.unlabelled, --unlabelled). Compose it with distil, which teaches on them what the model said before each task, or leave them out.`,
    )
  }
  const { train } = itemAt(tasks, 0, 'task')
  const { labels, classes } = train
  const dims = [samples(unlabelled), ...labels.dims.slice(1)]
  const none =
    labels.type === 'int32' ? { type: labels.type, dims, data: new Int32Array(sizeOf(dims)) } : float32(dims)
  const rows = { ...normalised(unlabelled, data.preprocessing), classes, labels: none as Dataset['labels'] }
  // Else it would be seen when there is a teacher, after the first task.
  if (poolsWith(train, rows)) return rows
  throw new DataError(
    'unlabelled-form',
    `Rows without labels (data.unlabelled, --unlabelled) are learned from beside those of the tasks, and have to have their type, dims and preprocessing: ${rows.name} has ${rowForm(rows)}, and ${train.name} has ${rowForm(train)}. Name rows of that form, or leave them out.`,
  )
}

/** The stream of a plan over its data. */
export function planStream(
  { stream, data: settings, name }: RunPlan,
  data: readonly TrainTest[],
): TaskStream {
  const [first] = data.map(({ train, test, known }) => ({
    train: normalised(train, settings.preprocessing),
    test: normalised(test, settings.preprocessing),
    known,
  }))
  if (!first) throw new UsageError('plan-data', 'A run needs data, but none were loaded.')
  switch (stream.kind) {
    case 'split':
      return splitStream(first.train, first.test, {
        scenario: stream.scenario,
        known: first.known,
        ...(stream.groups
          ? { groups: stream.groups, groupOrderSeed: stream.groupOrderSeed }
          : { classesPerTask: stream.classesPerTask, permuteClasses: stream.classOrderSeed }),
      })
    case 'permuted':
      return permutedStream(first.train, first.test, { ...stream, seed: stream.streamSeed })
    case 'rotated':
      return rotatedStream(first.train, first.test, {
        scenario: stream.scenario,
        seed: stream.streamSeed,
        ...(stream.angles ? { angles: stream.angles } : { tasks: stream.tasks }),
      })
    case 'list':
      return listStream(
        stream.tasks.map((task, index) => {
          const { train, test } = data[index] ?? first
          return {
            name: task.name,
            train: normalised(train, settings.preprocessing),
            test: normalised(test, settings.preprocessing),
          }
        }),
        stream.scenario,
        name,
      )
  }
}

/** The model with the parameters that train; the others are constants of its graph. */
function chosenParts({ model: asked }: RunPlan, model: Model): Model {
  if (asked.kind !== 'onnx' || asked.train === undefined) return model
  return trainOnly(model, selectParameters(model, parseSelection(asked.train)))
}

function planLora({ model: asked, seed }: RunPlan, model: Model): LoraModel | undefined {
  if (asked.kind !== 'onnx' || !asked.lora) return undefined
  const { rank, alpha, targets, head } = asked.lora
  return withLora(model, {
    rank,
    head,
    seed,
    packed: true,
    ...(alpha === undefined ? {} : { alpha }),
    ...(targets ? { targets } : {}),
  })
}

function planOptimiser({ optimiser }: RunPlan): {
  optimiser: Optimiser
  weightDecay: WeightDecay | undefined
} {
  const { weightDecay: rate } = optimiser
  const kind = optimiser.name === 'adamw' ? ('decoupled' as const) : ('coupled' as const)
  const weightDecay = rate > 0 ? { rate, kind } : undefined
  if (optimiser.name === 'sgd') return { optimiser: sgd(optimiser), weightDecay }
  if (optimiser.name === 'rmsprop') return { optimiser: rmsprop(optimiser), weightDecay }
  return { optimiser: adam(optimiser), weightDecay }
}

/** The method that is named; of a plan with teachers the one that teaches what they say. */
function planMethod({ method, distil, data, loss }: RunPlan, { lessons }: PlanInputs): Method {
  const made = createMethod(method.name, method.options)
  if (!distil) return made
  const { answers, unlabelled } = present(lessons, 'answers of the teachers')
  const said = distilDefaults.parse(made.settings)
  const usual = loss === 'causal-lm' ? textTemperature : usualTemperature
  const settings = { ...said, temperature: said.temperature ?? usual }
  const { labelWeight, featureWeight } = distil
  return taught({
    ...{ temperature: settings.temperature, labelWeight, featureWeight },
    unlabelled: unlabelled && normalised(unlabelled, data.preprocessing),
    answers: (rows) => answers(rows, { ...settings, features: featureWeight > 0 }),
  })
}

/** What the method `distil` says of its own answers is said of a teacher's, too. */
const distilDefaults = z.object({ temperature: z.number().nullable(), topTokens: z.number() })

/** Checked on the first task; the others are, when they begin. */
function planAugment({ augment }: RunPlan, { tasks }: TaskStream): Pick<StepSettings, 'augment'> {
  if (augment === undefined) return {}
  const found = augmentationOf(parseAugment(augment), itemAt(tasks, 0, 'task').train)
  return found ? { augment: found.spec } : {}
}

function planIterations(plan: RunPlan, stream: TaskStream, unlabelled: Dataset | undefined): number {
  const { iterations, epochs = 1, replicas } = plan
  if (iterations !== undefined) return iterations
  // Passes over the data are those of all replicas together.
  const batchSize = plan.batchSize * (replicas?.count ?? 1)
  const counts = rowCounts(plan.stream, stream)
  const labelled = counts.reduce((sum, count) => sum + count, 0) / counts.length
  // Pieces of a stream without borders run on into each other: no rows are left over in between.
  if (plan.stream.borders) return Math.max(1, Math.floor((epochs * labelled) / batchSize))
  const rows = labelled + (unlabelled ? samples(unlabelled) : 0)
  return Math.max(1, epochs * Math.floor(rows / batchSize))
}
