import { z } from 'zod'
import { type Dataset, kindOf } from '../data/dataset.ts'
import { takeRows } from '../data/rows.ts'
import { UsageError } from '../errors.ts'
import { meanSquaredError } from '../model/losses/index.ts'
import { scale } from '../ops/core/index.ts'
import { present, required } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { inUpdates, methodEntry, settle } from './entry.ts'
import { memoryOf } from './exemplars.ts'
import { replayBatch } from './memory-options.ts'
import type { Method, MethodState } from './method.ts'
import {
  fillReservoir,
  keepReservoir,
  RESERVOIR_IN_ONE_STREAM,
  readReservoir,
  reservoirSource,
} from './reservoir.ts'
import { drawnFrom, heldOf, tableAfter, tableAtStart } from './reservoir-table.ts'
import { searched } from './search.ts'
import { rowsOfBatch } from './teacher.ts'

const plainOptions = z.strictObject({
  capacity: z.int().min(1).default(500).describe('samples in the memory').meta(inUpdates('memory')),
  alpha: z
    .number()
    .min(0)
    .default(0.5)
    .describe('weight of the squared distance to the logits that are remembered')
    .meta({ ...inUpdates('distillation'), ...searched(0.05, 2) }),
  replayBatch,
})
const options = plainOptions.extend({
  beta: z
    .number()
    .min(0)
    .default(0.5)
    .describe('weight of the loss on the labels that are remembered')
    .meta(searched(0.05, 2)),
})

export type DerOptions = z.input<typeof options>

const LOGITS = 'logits'

/**
 * Dark experience replay (Buzzega et al. 2020, NeurIPS): DER++, and with `beta` 0 DER, named `der`. One memory is filled
 * online by reservoir sampling, and beside every row it holds the logits that the model gave when the row was taken in. With
 * two draws x, y from it, each step adds alpha * MSE(model(x), logits of x) + beta * loss(model(y), labels of y); DER draws x
 * alone.
 *
 * Where rows are augmented, remembered rows are too, and the logits that are remembered are those of a new row as it was
 * augmented, as in the paper.
 *
 * @throws UsageError `method-option` for values that make no sense; `der-labels` for labels of tokens; `der-mixtures` where
 * rows are mixed with others.
 * @example
 * const method = der({ capacity: 500, alpha: 0.5, beta: 1 })
 */
export function der(given: DerOptions = {}): Method {
  const settings = settle('der++', options, given)
  const { capacity, alpha, beta } = settings
  const labelled = beta > 0
  return {
    name: labelled ? 'der++' : 'der',
    settings: { ...settings, replayBatch: settings.replayBatch ?? null },
    past: 'rows',
    needsBorders: false,
    oneStream: RESERVOIR_IN_ONE_STREAM,
    sources: (sources, state, task) => {
      refuseTokens(task.train)
      // Both draws are rows of one source, the first half for the logits; its terms are the method's own.
      const size = (labelled ? 2 : 1) * (settings.replayBatch ?? task.batchSize)
      return [...sources, reservoirSource({ capacity, size, weight: 0, columns: true }, state, task)]
    },
    slots: (_model, { tensors }, { outputs }) =>
      new Map([[LOGITS, tableAtStart(tensors.get('memory/logits'), [capacity, outputs])]]),
    terms: ({ step, sources, loss, logits, slots, mixed }) => {
      if (mixed) throw mixtures()
      const { from, size, columns } = required(sources, 'replay', 'source')
      const draw = labelled ? size / 2 : size
      const table = required(slots, LOGITS, 'slot')
      const first = drawnFrom(step, table, columns, { from: 0, size: draw })
      const now = rowsOfBatch(step, logits, { from, size: draw })
      const distance = meanSquaredError(step, now, first.stored, { weights: first.held })
      const replayed = () =>
        loss({ from: from + draw, size: draw }, heldOf(step, columns, { from: draw, size: draw }))
      const fresh = rowsOfBatch(step, logits, required(sources, 'new', 'source'))
      return {
        losses: [
          { name: 'der', value: scale(step, distance, alpha) },
          ...(labelled ? [{ name: 'replay', value: scale(step, replayed(), beta) }] : []),
        ],
        slots: () => new Map([[LOGITS, tableAfter(step, table, columns, fresh)]]),
      }
    },
    consolidate: async (state, context) => {
      const { trace, train, reader } = context
      if (!trace) {
        const filled = fillReservoir(capacity, context, context.random('reservoir'))
        const rows = present(memoryOf(filled, { train }), 'memory').dataset
        return { state: withLogits(filled, await reader.logits(rows)) }
      }
      const kept = keepReservoir(state, readReservoir(trace.samplers.replay), context)
      const table = required(trace.slots, LOGITS, 'slot') as Tensor<'float32'>
      return { state: withLogits(kept.state, takeRows(table, kept.slots)) }
    },
  }
}

const mixtures = (): UsageError =>
  new UsageError(
    'der-mixtures',
    'DER and DER++ remember the logits that a new row had when it was seen, and mixup and cutmix show it mixed with another. Leave them out, or take replay.',
  )

function refuseTokens(dataset: Dataset): void {
  if (kindOf(dataset) !== 'token-classification') return
  throw new UsageError(
    'der-labels',
    `DER and DER++ remember one vector of logits a row, but the labels of "${dataset.name}" are of tokens. Take replay.`,
  )
}

const withLogits = (state: MethodState, logits: Tensor): MethodState => ({
  ...state,
  tensors: new Map([...state.tensors, ['memory/logits', logits]]),
})

const about = {
  needs: 'a fixed number',
  keeps: 'those, and their logits',
  alone: 'rehearses rows of that task',
} as const

export const derEntry = methodEntry({
  ...about,
  name: 'der',
  summary: 'replay of an online reservoir by the logits it was filled with (Buzzega et al. 2020)',
  helps: 'streams without clear task borders; remembered rows without labels',
  options: plainOptions,
  create: (asked) => der({ ...asked, beta: 0 }),
})

export const derPlusEntry = methodEntry({
  ...about,
  name: 'der++',
  summary: 'the same with their labels (Buzzega et al. 2020)',
  helps: 'streams without clear task borders; small memories',
  options,
  create: der,
})
