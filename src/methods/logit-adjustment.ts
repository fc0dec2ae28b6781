import { z } from 'zod'
import { classLabels } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { requireHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { itemAt, required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { methodEntry, settle } from './entry.ts'
import { refusesCorrections } from './head-correction.ts'
import type { BatchSource, Method, MethodState, TaskContext } from './method.ts'
import { searched } from './search.ts'
import { unitsSoFar } from './units.ts'

const options = z.strictObject({
  tau: z
    .number()
    .min(0)
    .default(1)
    .describe('how much of the classes’ shares in training is taken out of the logits')
    .meta(searched(0.25, 4)),
})

export type LogitAdjustmentOptions = z.input<typeof options>

const NAME = 'logit-adjustment'

/**
 * Logit adjustment, after training (Menon et al. 2021, ICLR): the model is read with logits less tau log prior, the prior of a
 * class being its share of the loss that it was trained on, so that classes of which little was shown are not answered less for
 * that. The prior is that of the last task's batches: each part's share of the loss, times the class's share of the part.
 *
 * @throws UsageError `method-option`; when a task begins, `logit-adjustment-prior` where an old class has no share of the loss;
 * `logit-adjustment-head` for a head without a bias; DataError `data-labels` for rows without one class each.
 * @example
 * const method = compose(logitAdjustment(), replay({ perClass: 20 }))
 */
export function logitAdjustment(given: LogitAdjustmentOptions = {}): Method {
  const settings = settle(NAME, options, given)
  return {
    name: NAME,
    settings,
    past: 'nothing',
    needsBorders: `Its prior is that of a task’s batches, worked out when the task ends. ${ONLINE_MEMORY}`,
    inputs: (_state, task) => {
      // Before a task is trained for nothing.
      priorOf(task.sources, task)
      return new Map()
    },
    consolidate: async (state, context) => {
      if (!context.trace) return { state }
      const prior = priorOf(context.trace.sources(), context)
      // With a head a task, one that is not trained again stays as it was read.
      const before = context.scenario === 'task' ? state.tensors.get('prior') : undefined
      const kept = prior.data.map((share, unit) => (share > 0 ? share : Number(before?.data[unit] ?? 0)))
      return { state: { tensors: new Map([['prior', float32(prior.dims, kept)]]), values: {} } }
    },
    answer: (model, state) => adjusted(model, state, settings.tau),
    refuses: refusesCorrections(NAME),
  }
}

/** Each class's share of the loss, [outputs]; 0 for those that are not trained on. */
function priorOf(sources: readonly BatchSource[], task: TaskContext): Tensor<'float32'> {
  const prior = float32([task.outputs])
  for (const { dataset, weight, labelled, mixed } of sources) {
    if (weight === 0 || labelled === false) continue
    if (mixed)
      throw without('a part of its batches has old and new rows (a reservoir, or oldShare of replay)')
    const labels = classLabels(dataset)
    for (const label of labels)
      prior.data[label] = itemAt(prior.data, label, 'class') + weight / labels.length
  }
  const missing = unitsSoFar(task).filter((unit) => prior.data[unit] === 0)
  const own = new Set(itemAt(task.units, task.index, 'task'))
  const needed = task.scenario === 'task' ? missing.filter((unit) => own.has(unit)) : missing
  if (needed.length === 0) return prior
  throw without(`class ${needed.join(', ')} has no share of the loss on labels`)
}

const without = (what: string): UsageError =>
  new UsageError(
    'logit-adjustment-prior',
    `Logit adjustment takes the classes' shares in training out of the logits, but ${what}. Compose it with replay, which trains on old classes beside new ones, or leave it out.`,
  )

function adjusted(model: Model, { tensors }: MethodState, tau: number): Model {
  const prior = tensors.get('prior')
  if (!prior) return model
  const { bias } = requireHead(model)
  if (bias === undefined) {
    throw new UsageError(
      'logit-adjustment-head',
      'Logit adjustment is written into the bias of the head, and this head has none. Leave logit-adjustment out.',
    )
  }
  const { dims, data } = required(model.parameters, bias, 'parameter')
  const values = Float32Array.from(data as Float32Array, (value, unit) => {
    const share = Number(itemAt(prior.data as Float32Array, unit, 'class'))
    return share > 0 ? value - tau * Math.log(share) : value
  })
  return { ...model, parameters: new Map([...model.parameters, [bias, float32(dims, values)]]) }
}

export const logitAdjustmentEntry = methodEntry({
  name: NAME,
  summary: 'logits less the log of each class’s share in training (Menon et al. 2021)',
  needs: 'beside replay',
  keeps: 'a number a class',
  alone: 'takes the shares of the task’s classes out of the logits',
  helps: 'classes of which little is shown, old ones beside replay first of all',
  options,
  create: logitAdjustment,
})
