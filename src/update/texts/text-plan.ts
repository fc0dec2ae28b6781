import { textUpdateDefaults } from './text-defaults.ts'
import type { TextRung } from './text-rungs.ts'
import type { TextUpdateOptions } from './text-update-types.ts'

/** The rows that a rung trains on. */
export interface PlannedRows {
  /** How many new ones there are. */
  readonly fresh: number
  /** The share of a step's rows that are old ones, on average; 0 where nothing is rehearsed. */
  readonly old: number
}

/** How long a rung trains, and what it draws. */
export interface RungPlan {
  readonly batchSize: number
  readonly steps: number
  /** Passes over the new rows. */
  readonly epochs: number
  /** The old rows' share of a step's rows, at most. */
  readonly room: number
  /** Old rows that all steps draw together. */
  readonly oldRows: number
}

/** So many passes over the new rows as are asked for, else as the rung takes, whatever stands among them. */
export function planRung(
  { batchSize = textUpdateDefaults.batchSize, epochs }: Pick<TextUpdateOptions, 'batchSize' | 'epochs'>,
  { passes }: Pick<TextRung, 'passes'>,
  { fresh: rows, old }: PlannedRows,
): RungPlan {
  const fresh = batchSize * (1 - old)
  const counted = Math.ceil((rows * (epochs ?? passes.epochs)) / fresh)
  const steps = Math.max(epochs === undefined ? passes.least : 1, counted)
  return {
    ...{ batchSize, steps, room: Math.ceil(batchSize * old) / batchSize },
    epochs: Math.round((10 * steps * fresh) / rows) / 10,
    oldRows: Math.ceil(steps * batchSize * old),
  }
}
