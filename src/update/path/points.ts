import type { PairedCounts } from '../../measure/paired.ts'
import type { Budget, ClaimResult } from './claims.ts'

/** One point that could be shipped. */
export interface PathPoint {
  /** 0 is the old model, 1 the trained one. */
  readonly alpha: number
  /** Added to the logits of the classes that are new; 0 where there are none. */
  readonly offset: number
  /** Accuracy on old and on new calibration rows, as fractions. */
  readonly old: number
  readonly new: number
  /** How much worse than before on old rows, a fraction, and the upper bound of that at the asked-for confidence. */
  readonly drop: number
  readonly upper: number
  readonly flips: PairedCounts
  /** All that the budget is held on; default the drop above, every row counting the same. */
  readonly claims?: readonly PointClaim[] | undefined
}

/** One drop that is held to a budget, on the rows that points are judged on. */
export type PointClaim = Pick<ClaimResult, 'name' | 'drop' | 'upper' | 'flips' | 'n'> & {
  readonly maxDrop: number
}

export type { Budget } from './claims.ts'

/** What a point is chosen for. */
export interface Aim {
  readonly budget: Budget
  /** The old model's accuracy on the new rows that points are judged on, a fraction. */
  readonly before: number
  /** Whether there are new classes, which the old model cannot answer. Default false. */
  readonly added?: boolean | undefined
  /** Old rows that the choice will be checked on, untouched by it. */
  readonly rows: number
}

/** A point, and the trial that it is of. */
export interface Choice {
  /** From 0. */
  readonly trial: number
  readonly point: PathPoint
}

/** What an update came to; see {@link statusOf}. */
export type Status = 'met' | 'not-met' | 'inconclusive' | 'nothing-to-gain'

/** New accuracy that training reached and the budget did not let through, on the same rows: those that the choice was made on. */
export interface HeldBack {
  /** From 0. */
  readonly trial: number
  readonly reached: number
  readonly chosen: number
}

/** Whether old rows can show a budget. */
export interface PowerFacts {
  /** Old rows that the result is checked on. */
  readonly n: number
  /** So many show the budget in 80 % of cases if hardly an answer changes, and if 5 % do; null for a budget of 0. */
  readonly needed: number | null
  readonly neededWithFlips: number | null
  readonly enough: boolean
  /** The smallest budget that so many rows can show, if hardly an answer changes. */
  readonly smallestBudget: number
}
