import { z } from 'zod'
import { classLabels, kindOf, samples } from '../data/dataset.ts'
import { herding } from '../data/memory/index.ts'
import { takeRows } from '../data/rows.ts'
import { UsageError } from '../errors.ts'
import { classSums } from '../evaluate/class-sums.ts'
import { binaryCrossEntropy } from '../model/losses/index.ts'
import { add, type Emitter, mul, type Value } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import { type Memory, memoryState, rehearses, rememberedAndNew, someOf } from './exemplars.ts'
import type { ConsolidateContext, Method, TaskContext } from './method.ts'
import { withMeans } from './nearest-mean.ts'
import { pastUnits } from './old-answers.ts'
import { rowsOfBatch, teacherState } from './teacher.ts'
import { oneHotLabels, unitMask, unitsSoFar } from './units.ts'

const options = z.strictObject({
  capacity: z
    .int()
    .min(1)
    .default(2000)
    .describe('exemplars in the memory, the same number of each class')
    .meta(inUpdates('memory')),
})

export type IcarlOptions = z.input<typeof options>

/**
 * iCaRL (Rebuffi et al. 2017, CVPR). Batches are drawn from new rows and exemplars together. Each output is a sigmoid: for
 * classes of the task its target is the label, for older classes what the model as the last task left it says of the row; the
 * loss is the mean binary cross-entropy over rows and classes so far. At a task's end m = capacity / classes so far exemplars
 * of each new class are chosen by herding, and old classes keep their first m. The model is read as the nearest mean of
 * exemplars, features scaled to length 1: as that scale is the same for all classes of a row, a linear head says it.
 *
 * @throws UsageError `method-option` for values that make no sense; `icarl-scenario` where classes do not join one head,
 * `icarl-labels` for rows without one class each, `icarl-mixtures` where rows are mixed, `icarl-capacity` for fewer exemplars
 * than classes; and what {@link nearestMean} throws of heads.
 * @example
 * const method = icarl({ capacity: 2000 })
 */
export function icarl(given: IcarlOptions = {}): Method {
  const settings = settle('icarl', options, given)
  return {
    name: 'icarl',
    settings,
    past: 'rows',
    sources: (sources, state, task) => {
      refuseOthers(task)
      const all = rememberedAndNew(state, task)
      // The loss on labels is the method's own.
      return sources.map((source) => (source.name === 'new' ? { ...source, ...all, weight: 0 } : source))
    },
    inputs: ({ tensors }) => new Map([...tensors].filter(([key]) => key.startsWith('teacher/'))),
    terms: ({ step, sources, inputs, forward, ...context }, _state, task) => {
      if (context.mixed) throw mixtures()
      const part = (value: Value) => rowsOfBatch(step, value, required(sources, 'new', 'source'))
      const teacher = withoutPrefix(inputs, 'teacher/')
      const hot = oneHotLabels(step, part(context.labels), task.outputs)
      const old = teacher.size > 0 ? forward(part(context.batch), teacher) : undefined
      const mask = step.constant(unitMask(task, unitsSoFar(task)))
      const targets = old ? withOld(step, hot, old, task) : hot
      return {
        losses: [{ name: 'icarl', value: binaryCrossEntropy(step, part(context.logits), targets, { mask }) }],
      }
    },
    consolidate: async (state, context) => {
      refuseOthers(context)
      const all = rememberedAndNew(state, context)
      const features = await context.reader.features(all.dataset)
      const rows = exemplarsOf(all, features, context, settings.capacity)
      const memory = memoryState(someOf(all, rows))
      const means = exemplarMeans(takeRows(features, rows), rowLabels(all, rows), context.outputs)
      const teacher = teacherState(context)
      return {
        state: {
          tensors: new Map([...memory.tensors, ...teacher.tensors, ...Object.entries(means)]),
          values: memory.values,
        },
      }
    },
    answer: (model, { tensors }) => {
      const [means, counts] = [tensors.get('means')?.data, tensors.get('counts')?.data]
      if (!means || !counts) return model
      return withMeans('icarl', model, { means: means as Float32Array, counts: counts as Float32Array })
    },
    refuses: (other) =>
      rehearses(other)
        ? `icarl draws its batches from a memory of its own, and ${other.name} has another: leave one of them out.`
        : undefined,
  }
}

/** Labels for units of the task, the old model's sigmoids for those of past tasks. */
function withOld(emit: Emitter, hot: Value, old: Value, task: TaskContext): Value {
  const past = unitMask(task, pastUnits(task))
  const rest = float32(
    past.dims,
    past.data.map((one) => 1 - one),
  )
  return add(
    emit,
    mul(emit, hot, emit.constant(rest)),
    mul(emit, emit.op('Sigmoid', [old]), emit.constant(past)),
  )
}

/** Which rows are kept: the first of each old class, and of classes with new rows those that herding chooses, best first. */
function exemplarsOf(
  all: Memory,
  features: Tensor<'float32'>,
  { train }: ConsolidateContext,
  capacity: number,
): Int32Array {
  const labels = classLabels(all.dataset)
  const classes = new Set(labels).size
  const each = Math.floor(capacity / classes)
  if (each < 1) {
    throw new UsageError(
      'icarl-capacity',
      `iCaRL keeps exemplars of every class, but its capacity of ${capacity} is less than the ${classes} classes so far. Give it more (capacity).`,
    )
  }
  const fresh = new Set(samples(train) > 0 ? classLabels(train) : [])
  const counts = new Map<number, number>()
  const kept: number[] = []
  const offered: number[] = []
  for (const [row, label] of labels.entries()) {
    if (fresh.has(label)) {
      offered.push(row)
      continue
    }
    const count = counts.get(label) ?? 0
    counts.set(label, count + 1)
    if (count < each) kept.push(row)
  }
  const rows = Int32Array.from(offered)
  const chosen = herding(takeRows(features, rows), rowLabels(all, rows), each)
  return Int32Array.from([...kept, ...chosen.map((place) => itemAt(rows, place, 'row'))])
}

const rowLabels = ({ dataset }: Memory, rows: Int32Array): Int32Array => {
  const labels = classLabels(dataset)
  return rows.map((row) => itemAt(labels, row, 'label'))
}

/** The mean of each class's exemplars, [outputs, width], features and means scaled to length 1; and how many there are. */
function exemplarMeans(features: Tensor<'float32'>, labels: Int32Array, outputs: number) {
  const { sums, counts, width } = classSums(unitRows(features), labels, outputs)
  const means = unitRows(float32([outputs, width], Float32Array.from(sums)))
  return { means, counts: float32([outputs], Float32Array.from(counts)) }
}

function unitRows({ dims, data }: Tensor<'float32'>): Tensor<'float32'> {
  const width = itemAt(dims, 1, 'dim')
  const scaled = data.slice()
  for (let from = 0; from < scaled.length; from += width) {
    const row = data.subarray(from, from + width)
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))
    if (length > 0)
      scaled.set(
        row.map((value) => value / length),
        from,
      )
  }
  return float32(dims, scaled)
}

const mixtures = (): UsageError =>
  new UsageError(
    'icarl-mixtures',
    'iCaRL takes a row’s label as a target for each class, and mixup and cutmix show a row mixed with another. Leave them out.',
  )

function refuseOthers({ scenario, train }: TaskContext): void {
  if (scenario !== 'class') {
    throw new UsageError(
      'icarl-scenario',
      `iCaRL is for classes that join one head (the class scenario), but in the ${scenario} scenario no class is told from those before it. Take replay+distil.`,
    )
  }
  if (kindOf(train) === 'classification') return
  throw new UsageError(
    'icarl-labels',
    `iCaRL keeps exemplars of classes, but the labels of "${train.name}" are for ${kindOf(train)}. Take replay.`,
  )
}

export const icarlEntry = methodEntry({
  name: 'icarl',
  summary: 'herded exemplars, sigmoids of the old model, nearest mean of exemplars (Rebuffi et al. 2017)',
  needs: 'a fixed number',
  keeps: 'those, and a copy of the parameters',
  alone: 'reads the head as the means of its exemplars',
  helps: 'new classes on one head',
  options,
  create: icarl,
})
