import { UsageError } from '../errors.ts'
import { largest, smallest } from '../extent.ts'
import { checkedConfidence } from './confidence.ts'
import type { PairedCounts } from './drop-test.ts'
import { gammaQuantile } from './gamma.ts'
import { checkCounts, nonInferiority } from './paired.ts'

/** Examples of one kind, of a class mostly, and how much they count. */
export interface Stratum {
  /** Share of what the models will meet, from 0 to 1; the shares of all strata sum to 1. */
  readonly share: number
  /** Flips on its examples; a total of 0 where there are none. */
  readonly counts: PairedCounts
}

/** A drop in accuracy, weighted by shares, and its one-sided bounds. All are fractions. */
export interface WeightedDrop {
  /** sum of share (b - c) / n over the strata that have examples, divided by their shares. */
  readonly drop: number
  readonly lower: number
  readonly upper: number
  /** Share of the strata without examples: the bounds take all of it for lost, and for won. */
  readonly unseen: number
  /** So many examples, drawn by the shares, would tell as much: 1 / sum of share^2 / n. */
  readonly effective: number
}

/**
 * The drop as it is where kinds of examples come in other shares than among those that were measured: sum of
 * share_h (b_h - c_h) / n_h. Its upper bound joins one for what was lost and one for what was won, U for
 * sum share_h b_h / n_h and L for sum share_h c_h / n_h:
 *
 *   upper = drop + sqrt((U - lost)^2 + (won - L)^2)
 *
 * (MOVER; Zou and Donner 2008, Statistics in Medicine 27). U and L are the gamma limits of Fay and Feuer (1997, Statistics
 * in Medicine 16) for weighted sums of rare counts. They hold for few flips and for shares that differ much, since the limit for
 * what was lost allows for one more flip where an example counts most; `bench/weighted-simulation.ts` counts how often a model on the
 * border passes. Where every example counts the same it is Tango's test, as for one stratum (`nonInferiority`).
 *
 * @param strata Shares that sum to 1; strata with a share of 0 count for nothing. Of none nothing is known.
 * @param confidence Of each bound, one-sided; default 0.95.
 * @throws UsageError `paired-counts`, `confidence-range`, `shares-sum`.
 * @example
 * weightedDrop([
 *   { share: 0.9, counts: { negative: 2, positive: 1, total: 500 } },
 *   { share: 0.1, counts: { negative: 9, positive: 0, total: 500 } },
 * ]).drop // 0.0036
 */
export function weightedDrop(strata: readonly Stratum[], confidence?: number): WeightedDrop {
  const sure = checkedConfidence(confidence)
  const nothing = { drop: 0, lower: -1, upper: 1, unseen: 1, effective: 0 }
  if (strata.length === 0) return nothing
  checkShares(strata)
  const counted = strata.filter(({ share }) => share > 0)
  const seen = counted.filter(({ counts }) => counts.total > 0)
  const covered = seen.reduce((sum, { share }) => sum + share, 0)
  // Sums of shares are off by some 1e-16, which is no share of anything.
  const unseen = seen.length === counted.length ? 0 : Math.max(0, 1 - covered)
  if (seen.length === 0) return nothing
  const bounds = boundsOf(seen, sure)
  return {
    drop: bounds.drop / covered,
    lower: Math.max(-1, bounds.lower - unseen),
    upper: Math.min(1, bounds.upper + unseen),
    unseen,
    effective: covered ** 2 / seen.reduce((sum, { share, counts }) => sum + share ** 2 / counts.total, 0),
  }
}

function checkShares(strata: readonly Stratum[]): void {
  for (const { counts } of strata) if (counts.total > 0) checkCounts(counts)
  const sum = strata.reduce((total, { share }) => total + share, 0)
  if (strata.every(({ share }) => share >= 0) && Math.abs(sum - 1) < 1e-6) return
  throw new UsageError(
    'shares-sum',
    `Shares must be 0 or more and sum to 1, but they sum to ${sum}: divide each by their sum.`,
  )
}

/** The drop's part that lies in these strata, and its bounds. */
function boundsOf(
  seen: readonly Stratum[],
  confidence: number,
): { readonly drop: number; readonly lower: number; readonly upper: number } {
  const rates = seen.map(({ share, counts }) => share / counts.total)
  const [least, most] = [smallest(rates), largest(rates)]
  if (most - least <= 1e-9 * most) {
    const pooled = seen.reduce<PairedCounts>(
      (sum, { counts }) => ({
        negative: sum.negative + counts.negative,
        positive: sum.positive + counts.positive,
        total: sum.total + counts.total,
      }),
      { negative: 0, positive: 0, total: 0 },
    )
    const { drop, lowerBound, upperBound } = nonInferiority(pooled, { budget: 0, confidence })
    const covered = most * pooled.total
    return { drop: covered * drop, lower: covered * lowerBound, upper: covered * upperBound }
  }
  const sumOf = (value: (counts: PairedCounts, rate: number) => number) =>
    seen.reduce((sum, { counts }, at) => sum + value(counts, rates[at] ?? Number.NaN), 0)
  const lost = weightedCount(sumOf, 'negative')
  const won = weightedCount(sumOf, 'positive')
  const drop = lost.sum - won.sum
  const [up, down] = [limits(lost, most, confidence), limits(won, most, confidence)]
  return {
    drop,
    lower: drop - Math.hypot(lost.sum - up.lower, down.upper - won.sum),
    upper: drop + Math.hypot(up.upper - lost.sum, won.sum - down.lower),
  }
}

interface WeightedCount {
  /** Of counts, each times what an example counts. */
  readonly sum: number
  /** Of counts, each times the square of that: the variance of the sum, were counts Poisson's. */
  readonly variance: number
}

const weightedCount = (
  sumOf: (value: (counts: PairedCounts, rate: number) => number) => number,
  which: 'negative' | 'positive',
): WeightedCount => ({
  sum: sumOf((counts, rate) => rate * counts[which]),
  variance: sumOf((counts, rate) => rate * rate * counts[which]),
})

/**
 * One-sided limits of a weighted sum of rare counts: quantiles of the gamma distribution with the sum's mean and variance,
 * the upper one after one more count of the largest weight.
 */
function limits(
  { sum, variance }: WeightedCount,
  most: number,
  confidence: number,
): { readonly lower: number; readonly upper: number } {
  const quantile = (mean: number, spread: number, p: number) =>
    (spread / mean) * gammaQuantile(mean ** 2 / spread, p)
  return {
    lower: sum === 0 ? 0 : quantile(sum, variance, 1 - confidence),
    upper: quantile(sum + most, variance + most ** 2, confidence),
  }
}
