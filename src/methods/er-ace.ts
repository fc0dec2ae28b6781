import { z } from 'zod'
import { kindOf } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { type Emitter, reduceSum, scalar, type Value } from '../ops/core/index.ts'
import { required } from '../required.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import { weighted } from './exemplars.ts'
import { replayBatch } from './memory-options.ts'
import type { Method, TaskContext } from './method.ts'
import {
  fillReservoir,
  keepReservoir,
  RESERVOIR_IN_ONE_STREAM,
  readReservoir,
  reservoirSource,
} from './reservoir.ts'
import { heldOf } from './reservoir-table.ts'
import { rowsOfBatch } from './teacher.ts'
import { oneHotLabels, unitMask, unitsSoFar } from './units.ts'

const options = z.strictObject({
  capacity: z.int().min(1).default(500).describe('samples in the memory').meta(inUpdates('memory')),
  replayBatch,
})

export type ErAceOptions = z.input<typeof options>

/**
 * Experience replay with an asymmetric cross-entropy (Caccia et al. 2022, ICLR): the softmax of new rows goes over the classes
 * of the batch's new rows alone, so that they push no old class down; that of remembered rows goes over all classes seen so
 * far. The loss is the sum of both means. The memory is filled online by reservoir sampling.
 *
 * @throws UsageError `method-option` for values that make no sense; `er-ace-labels` for rows without one class each.
 * @example
 * const method = erAce({ capacity: 500 })
 */
export function erAce(given: ErAceOptions = {}): Method {
  const settings = settle('er-ace', options, given)
  const { capacity } = settings
  return {
    name: 'er-ace',
    settings: { ...settings, replayBatch: settings.replayBatch ?? null },
    past: 'rows',
    needsBorders: false,
    oneStream: RESERVOIR_IN_ONE_STREAM,
    sources: (sources, state, task) => {
      refuseOthers(task)
      const size = settings.replayBatch ?? task.batchSize
      // Both parts' losses are the method's own.
      return [
        ...weighted(sources, 0),
        reservoirSource({ capacity, size, weight: 0, columns: true }, state, task),
      ]
    },
    terms: ({ step, sources, labels, loss }, _state, task) => {
      const fresh = required(sources, 'new', 'source')
      const replayed = required(sources, 'replay', 'source')
      const own = classesIn(step, rowsOfBatch(step, labels, fresh), task.outputs)
      const held = heldOf(step, replayed.columns, { from: 0, size: replayed.size })
      // With a head a task each row's own mask says which classes there are.
      const seen = task.scenario === 'task' ? undefined : step.constant(unitMask(task, unitsSoFar(task)))
      return {
        losses: [
          { name: 'new', value: loss(fresh, undefined, own) },
          { name: 'replay', value: loss(replayed, held, seen) },
        ],
      }
    },
    consolidate: async (state, context) => {
      if (!context.trace) return { state: fillReservoir(capacity, context, context.random('reservoir')) }
      return { state: keepReservoir(state, readReservoir(context.trace.samplers.replay), context).state }
    },
  }
}

function refuseOthers({ train }: TaskContext): void {
  if (kindOf(train) === 'classification') return
  throw new UsageError(
    'er-ace-labels',
    `ER-ACE tells the classes of new rows from those of old ones, but the labels of "${train.name}" are for ${kindOf(train)}. Take replay or reservoir-replay.`,
  )
}

/** 1 for the classes that are among the labels, [1, outputs]. */
function classesIn(emit: Emitter, labels: Value, outputs: number): Value {
  const hits = reduceSum(emit, oneHotLabels(emit, labels, outputs), [0], true)
  return emit.op('Min', [hits, scalar(emit, 1, hits)])
}

export const erAceEntry = methodEntry({
  name: 'er-ace',
  summary: 'replay whose new rows push no old class down (Caccia et al. 2022)',
  needs: 'a fixed number',
  keeps: 'those',
  alone: 'rehearses rows of that task',
  helps: 'new classes on one head, small memories, streams without clear task borders',
  options,
  create: erAce,
})
