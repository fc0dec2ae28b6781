import type { PairedCounts } from '../../measure/paired.ts'
import type { Verdict } from '../../measure/verdict.ts'

/** Which drop a budget is held on: as deployed, by class, or both. */
export type BudgetOn = 'deployed' | 'balanced' | 'both'

/** What may be lost. */
export interface Budget {
  /** The drop on old data that is allowed, a fraction. */
  readonly maxDrop: number
  /** The same against the model's first release, where that is known; default `maxDrop`. */
  readonly maxDropTotal?: number | undefined
  /** What an old class may lose: none may be shown to have lost more, since the last release and since the first. Default: classes are free. */
  readonly maxDropPerClass?: number | undefined
  /** Which drop is held to `maxDrop` and `maxDropTotal`; default `deployed`. */
  readonly on?: BudgetOn | undefined
  /** One-sided, default 0.95. */
  readonly confidence?: number | undefined
}

/**
 * What an update is held to. `deployed`: each class counts as often as it comes; `balanced`: each class counts the same; `total`
 * and `total-balanced`: the same against the model's first release; `classes` and `total-classes`: no old class is shown to have lost more
 * than a budget of its own, see `judgeClasses`.
 */
export type ClaimName = 'deployed' | 'balanced' | 'total' | 'total-balanced' | 'classes' | 'total-classes'

/** Whether a claim is of each class by itself. It passes where no class is shown to be outside, whatever their drops are seen to be. */
export const ofClasses = ({ name }: Pick<Claim, 'name'>): boolean =>
  name === 'classes' || name === 'total-classes'

/** One drop that has a bound, and the budget that it is held to. */
export interface Claim {
  readonly name: ClaimName
  /** The drop allowed; null where it is only told. */
  readonly maxDrop: number | null
  /** What the model that is compared with answered, a row; -1 where it was not asked. */
  readonly before: Int32Array
  /** What classes are called, by unit; default by their units. */
  readonly classes?: readonly string[] | undefined
  /** Share of each class, by unit; default every row counts the same. */
  readonly shares?: readonly number[] | undefined
  /** Releases whose proof on the same rows bears on this claim; see `levelFor`. Default 0. */
  readonly uses?: number | undefined
}

/** One old class, and what it lost. */
export interface LostClass {
  readonly name: string
  readonly drop: number
}

/** What a claim comes to on some rows. All but the counts are fractions. */
export interface ClaimResult {
  readonly name: ClaimName
  readonly maxDrop: number | null
  /** Null where the drop is only told. */
  readonly verdict: Verdict | null
  /** Of the bounds and the verdict, one-sided. */
  readonly confidence: number
  readonly drop: number
  readonly lower: number
  readonly upper: number
  /** Accuracy before and after, weighted as the drop is. */
  readonly before: number
  readonly after: number
  /** Rows that count. */
  readonly n: number
  /** So many rows, drawn as the claim weighs them, would tell as much. */
  readonly effective: number
  /** Flips on so many rows, weighted as the drop is. */
  readonly flips: PairedCounts
  /** Of a claim of classes: the one that the figures are of, and those that are shown to be outside, the largest drop first. */
  readonly class?: string | undefined
  readonly worse?: readonly LostClass[] | undefined
  /** Share of classes without a row: their part of the drop is unknown, and the bounds take all of it. */
  readonly unseen: number
  readonly neededN: number | null
}
