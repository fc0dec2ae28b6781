import { z } from 'zod'
import { kindOf } from '../data/dataset.ts'
import { takeRows } from '../data/rows.ts'
import { UsageError } from '../errors.ts'
import { binaryCrossEntropy } from '../model/losses/index.ts'
import { add, type Emitter, mul, type Value } from '../ops/core/index.ts'
import { required } from '../required.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { float32 } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import { memoryState, rehearses, rememberedAndNew, someOf } from './exemplars.ts'
import { exemplarMeans, exemplarsOf, rowLabels } from './herded-exemplars.ts'
import type { Method, TaskContext } from './method.ts'
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
    needsBorders: `It chooses exemplars, and takes its teacher, when a task ends. ${ONLINE_MEMORY}`,
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

const mixtures = (): UsageError =>
  new UsageError(
    'icarl-mixtures',
    'icarl takes a row’s label as a target for each class, and mixup and cutmix show a row mixed with another. Leave them out.',
  )

function refuseOthers({ scenario, train }: TaskContext): void {
  if (scenario !== 'class') {
    throw new UsageError(
      'icarl-scenario',
      `icarl is for classes that join one head (the class scenario), but in the ${scenario} scenario no class is told from those before it. Take replay+distil.`,
    )
  }
  if (kindOf(train) === 'classification') return
  throw new UsageError(
    'icarl-labels',
    `icarl keeps exemplars of classes, but the labels of "${train.name}" are for ${kindOf(train)}. Take replay.`,
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
