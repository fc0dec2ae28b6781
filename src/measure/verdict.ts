import { defaultConfidence } from './confidence.ts'
import { examplesNeeded, nonInferiority, type PairedCounts } from './paired.ts'

/** What paired counts say of a budget for the drop. */
export type Verdict = 'pass' | 'fail' | 'inconclusive'

/** A drop held against a budget. All but the verdict and the p values are fractions of the examples. */
export interface DropVerdict {
  /** `pass`: shown to be inside the budget; `fail`: shown to be outside; else `inconclusive`. */
  readonly verdict: Verdict
  readonly drop: number
  /** One-sided confidence bounds of the drop: at most the budget where it passes, above it where it fails. */
  readonly lower: number
  readonly upper: number
  /** Of {@link nonInferiority}. */
  readonly insideP: number
  readonly outsideP: number
  /**
   * Examples at which a verdict would be reached with a chance of 80 %, if drop and flips go on as seen; null where the drop is the
   * budget exactly, which no number of examples decides. Without a verdict it is more than there are.
   */
  readonly neededN: number | null
}

/** The drop that is allowed, a fraction, and the one-sided confidence that it has to be shown with, default 0.95. */
export interface DropBudget {
  readonly budget: number
  readonly confidence?: number | undefined
}

/**
 * Holds the drop on the same examples against a budget: the one place where counts become a verdict, for updates and gates alike.
 * Both bounds are one-sided, so the chance to pass a model whose drop is outside is at most 1 - confidence, and so is the chance to
 * fail one whose drop is inside.
 *
 * @throws UsageError `paired-counts`, `confidence-range`, `budget-range`.
 * @example judgeDrop({ negative: 6, positive: 0, total: 300 }, { budget: 0.005 }).verdict // 'fail'
 */
export function judgeDrop(
  counts: PairedCounts,
  { budget, confidence = defaultConfidence }: DropBudget,
): DropVerdict {
  const { drop, lowerBound, upperBound, insideP, outsideP } = nonInferiority(counts, { budget, confidence })
  const error = 1 - confidence
  const flipRate = (counts.negative + counts.positive) / counts.total
  const needed = neededToTell({ drop, flipRate }, { budget, confidence })
  const verdict = insideP <= error ? 'pass' : outsideP <= error ? 'fail' : 'inconclusive'
  return {
    verdict,
    drop,
    // The bounds are sought by halving: at the border itself they may miss the test that they come from by a hair.
    lower: verdict === 'fail' ? Math.max(lowerBound, budget) : Math.min(lowerBound, budget),
    upper: verdict === 'pass' ? Math.min(upperBound, budget) : Math.max(upperBound, budget),
    insideP,
    outsideP,
    // With few flips the formula may be an example short of what the exact test wants.
    neededN: verdict === 'inconclusive' && needed !== null ? Math.max(needed, counts.total + 1) : needed,
  }
}

/**
 * Examples at which a verdict would be reached with a chance of 80 %, whichever it is, where drop and flips go on like this; null where
 * the drop is the budget exactly.
 */
export function neededToTell(
  { drop, flipRate }: { readonly drop: number; readonly flipRate: number },
  { budget, confidence }: DropBudget,
): number | null {
  if (drop === budget) return null
  // To show a drop outside the budget is to show a gain of the old model over the new one: the same with the signs turned.
  return drop < budget
    ? examplesNeeded({ budget, drop, flipRate, confidence })
    : examplesNeeded({ budget: -budget, drop: -drop, flipRate, confidence })
}
