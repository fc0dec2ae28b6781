import { z } from 'zod'
import { classLabels, type Dataset, samples } from '../data/dataset.ts'
import { rowHashes } from '../data/fingerprint.ts'
import { UsageError } from '../errors.ts'
import { itemAt, required } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { calibrate } from './closed-form/index.ts'
import { methodEntry, settle } from './entry.ts'
import { memoryState } from './exemplars.ts'
import {
  changed,
  classOf,
  type JoiningUnits,
  joiningUnits,
  refusesCorrections,
  trainedHead,
} from './head-correction.ts'
import { heldOutRows, trainable, withoutRows } from './held-out-rows.ts'
import type { ConsolidateContext, Method, MethodState, OpeningContext, TaskContext } from './method.ts'

const options = z.strictObject({
  heldOutPerClass: z
    .int()
    .min(1)
    .default(10)
    .describe(
      'rows a class that are kept from training, to correct the new logits by; half of a class at most',
    ),
})

export type BicOptions = z.input<typeof options>

const NAME = 'bic'

/**
 * Bias correction (Wu et al. 2019, CVPR): where new classes have joined a head, their logits o become a o + b at the task's end,
 * a and b of least cross-entropy on held-out rows, as many of each old class as of each new one. The correction is written into
 * the head, whose new rows are scaled, so that the model goes on from it. Held-out rows are remembered, and never trained on:
 * new ones are not drawn, and what another method rehearses is drawn without them.
 *
 * Named behind what rehearses, and before a teacher, which then is the corrected model: `replay+bic+distil`.
 *
 * @throws UsageError `method-option`; `bic-scenario` where no classes join one head; `bic-rows` where there are no
 * rows of an old class; `bic-order` where rows that it holds out would be trained on; `bic-head` for a head that does not train, or without a bias; DataError `data-labels`.
 * @example
 * const method = compose(replay({ perClass: 20 }), bic(), distil())
 */
export function bic(given: BicOptions = {}): Method {
  const settings = settle(NAME, options, given)
  const heldAt = (state: MethodState, task: Pick<TaskContext, 'train' | 'index'>) =>
    heldOutRows(state, task, settings.heldOutPerClass)
  return {
    name: NAME,
    settings,
    past: 'rows',
    needsBorders: `It corrects the head when a task ends, new classes against old ones. ${ONLINE_MEMORY}`,
    oneStream:
      'It holds out rows of each class of a task, and each replica would hold out others of its share.',
    corrects: true,
    sources: (sources, state, task) => {
      const held = new Set(rowHashes(heldAt(state, task).dataset))
      return sources.map((source) => withoutRows(source, held))
    },
    inputs: (state, task) => {
      const { dataset } = heldAt(state, task)
      refuseNoRows(joiningUnits(NAME, task), dataset)
      refuseTrained(task, new Set(rowHashes(dataset)))
      return new Map()
    },
    consolidate: async (state, context) => {
      const held = heldAt(state, context)
      const units = joiningUnits(NAME, context)
      const none = units.old.length === 0 || units.fresh.length === 0
      const parameters = none ? undefined : await corrected(held.dataset, units, context)
      return { state: memoryState(held), ...(parameters && { parameters }) }
    },
    refuses: refusesCorrections(NAME),
  }
}

/** New logits would win over old classes that no held-out row speaks for. */
function refuseNoRows({ old }: JoiningUnits, held: Dataset): void {
  const labels = new Set(classLabels(held))
  const missing = old.filter((unit) => !labels.has(unit))
  if (missing.length === 0) return
  throw new UsageError(
    'bic-rows',
    `BiC corrects new classes beside old ones by held-out rows of both, and of old classes (output units ${missing.join(', ')}) there are none; a class needs two rows to have one held out. Name rows that the model was trained on (model.old, --old), or take weight-aligning.`,
  )
}

/** Parts that came behind, or that draw rows in a way of their own. */
function refuseTrained({ sources }: OpeningContext, held: ReadonlySet<string>): void {
  const leak = sources.find(
    ({ name, dataset, labelled, mixed }) =>
      name !== 'new' && labelled !== false && (mixed || trainable(dataset, held).length < samples(dataset)),
  )
  if (!leak) return
  throw new UsageError(
    'bic-order',
    `BiC corrects by rows that are not trained on, but "${leak.name}" would train on some of them. Name bic behind replay (replay+bic), without a share of old rows; a reservoir cannot be told which rows to leave.`,
  )
}

/** The head with its new rows scaled and shifted. */
async function corrected(
  held: Dataset,
  { old, fresh }: JoiningUnits,
  context: ConsolidateContext,
): Promise<ReadonlyMap<string, Tensor>> {
  const { weight, bias } = trainedHead(NAME, context)
  if (!bias) {
    throw new UsageError(
      'bic-head',
      'BiC scales and shifts the new logits, and a head without a bias cannot shift them. Take weight-aligning.',
    )
  }
  const logits = await context.reader.logits(held)
  const of = (units: readonly number[]): Float64Array =>
    Float64Array.from({ length: samples(held) * units.length }, (_, at) => {
      const row = Math.floor(at / units.length)
      return itemAt(logits.data, row * context.outputs + itemAt(units, at % units.length, 'unit'), 'logit')
    })
  const places = new Map([...old, ...fresh].map((unit, place) => [unit, place]))
  const labels = classLabels(held).map((label) => required(places, label, 'unit'))
  const { scale, offset } = calibrate(
    { old: of(old), fresh: of(fresh), labels, shares: evenShares(labels) },
    { scale: 1, offset: 0 },
  )
  const joined = new Set(fresh)
  const factor = (unit: number) => (joined.has(unit) ? scale : 1)
  return new Map([
    [weight.name, changed(weight.tensor, classOf(weight), (unit) => ({ factor: factor(unit) }))],
    [
      bias.name,
      changed(
        bias.tensor,
        (unit) => unit,
        (unit) => ({ factor: factor(unit), addend: joined.has(unit) ? offset : 0 }),
      ),
    ],
  ])
}

/** Each class counts the same; together 1. */
function evenShares(labels: Int32Array): Float64Array {
  const counts = new Map<number, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  return Float64Array.from(labels, (label) => 1 / (counts.size * required(counts, label, 'class')))
}

export const bicEntry = methodEntry({
  name: NAME,
  summary: 'new logits scaled and shifted by held-out rows, at a task’s end (Wu et al. 2019)',
  needs: 'a few of each class, held out',
  keeps: 'those',
  alone: 'keeps some rows of that task from training',
  helps: 'new classes on one head, between replay and distillation',
  options,
  create: bic,
})
