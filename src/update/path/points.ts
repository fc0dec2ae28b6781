import type { PairedCounts } from '../../measure/paired.ts'
import type { Budget, ClaimResult } from './claims.ts'

/** One model that could be shipped, as far as it is known before the old rows that prove are looked at. */
export interface Guess {
  /** The trial whose path it lies on, from 0. */
  readonly trial: number
  /** 0 is the start of the path, 1 the trained model. */
  readonly alpha: number
  /** Added to the logits of the classes that are new; 0 where there are none. */
  readonly offset: number
  /** Share of the old rows that order which is lost, softly counted: what comes first is tested first, and nothing more. */
  readonly loss: number
  /** Share of the held-out new rows that is right, softly counted: of candidates that lose as much, the one with more of it is tested. */
  readonly gain: number
  /** Accuracy on held-out new rows, a fraction. */
  readonly new: number
}

/** A guess, and what the old rows that prove say of it. */
export interface Tested {
  readonly guess: Guess
  /** All that is held to a budget, and what is only told. */
  readonly claims: readonly ClaimResult[]
}

/** One point of a trial's path as it is shown, judged on the old rows that prove. */
export interface PathPoint {
  readonly alpha: number
  readonly offset: number
  /** Accuracy on old and on new rows, as fractions. */
  readonly old: number
  readonly new: number
  /** How much worse than before on old rows, a fraction, and the upper bound of that at the asked-for confidence. */
  readonly drop: number
  readonly upper: number
  readonly flips: PairedCounts
}

export type { Budget } from './claims.ts'

/** What a point is chosen for. */
export interface Aim {
  readonly budget: Budget
  /** The old model's accuracy on the held-out new rows, a fraction. */
  readonly before: number
  /** Whether there are new classes, which the old model cannot answer. Default false. */
  readonly added?: boolean | undefined
  /** Whether the border between old and new classes moves, and enough old rows tell lines apart; see `alongBestLine`. Default false. */
  readonly oneLine?: boolean | undefined
}

/** What an update came to; see `statusOf`. */
export type Status = 'met' | 'not-met' | 'inconclusive' | 'nothing-to-gain'

/** New accuracy that training reached and the budget did not let through, on the same rows. */
export interface HeldBack {
  /** From 0. */
  readonly trial: number
  readonly reached: number
  readonly chosen: number
}

/** What old rows can show of a budget. Shares are fractions; flips are as many for the better as for the worse where nothing else is said. */
export interface PowerFacts {
  /** Old rows that the result is proved on. */
  readonly n: number
  /** So many show the budget if no answer changes; null for a budget of 0. */
  readonly least: number | null
  /** The rows that there are show it in 80 % of cases if at most this share of answers changes; null where not even if none does. */
  readonly tolerates: number | null
  /** The same if all change for the worse. */
  readonly toleratesWorse: number | null
  /** So many show it in 80 % of cases if 5 % of answers change; null for a budget of 0. */
  readonly neededWithFlips: number | null
  /** The chance that it is shown if 1 % of answers changes, as about where an update begins to learn. */
  readonly chance: number
  /** Whether that is at least one half: else the result is probably inconclusive. */
  readonly enough: boolean
  /** The smallest budget that so many rows can show, if no answer changes. */
  readonly smallestBudget: number
}
