import { defaultConfidence } from './confidence.ts'
import type { PairedCounts } from './drop-test.ts'
import { type DropBudget, judgeDrop, neededToTell, type Verdict } from './verdict.ts'
import { type Stratum, type WeightedDrop, weightedDrop } from './weighted-drop.ts'

/** A weighted drop held against a budget. */
export interface WeightedVerdict extends WeightedDrop {
  readonly verdict: Verdict
  /**
   * Examples, in the mixture that there are, that would bring a verdict in 80 % of cases, if flips go on as seen; null where no
   * number would: where the drop is the budget exactly, or where a kind has no examples at all.
   */
  readonly neededN: number | null
}

/**
 * Holds a drop that is weighted by shares against a budget: it passes where its upper bound is inside, fails where its lower
 * bound is outside. Where every example counts the same it is {@link judgeDrop}, verdict and all.
 *
 * @param strata As in {@link weightedDrop}.
 * @throws What {@link weightedDrop} and {@link judgeDrop} throw.
 * @example judgeWeighted([{ share: 1, counts: { negative: 6, positive: 0, total: 300 } }], { budget: 0.005 }).verdict // 'fail'
 */
export function judgeWeighted(
  strata: readonly Stratum[],
  { budget, confidence }: DropBudget,
): WeightedVerdict {
  const found = weightedDrop(strata, confidence)
  const pooled = pooledCounts(strata)
  if (found.unseen === 0 && Math.abs(found.effective - pooled.total) < 1e-6 * pooled.total) {
    const { verdict, drop, lower, upper, neededN } = judgeDrop(pooled, { budget, confidence })
    return { ...found, verdict, drop, lower, upper, neededN }
  }
  const verdict = found.upper <= budget ? 'pass' : found.lower > budget ? 'fail' : 'inconclusive'
  return { ...found, verdict, neededN: neededFor(strata, found, budget, confidence) }
}

/** The flips of all strata that count, as if each example counted the same. */
export function pooledCounts(strata: readonly Stratum[]): PairedCounts {
  return strata
    .filter(({ share }) => share > 0)
    .reduce<PairedCounts>(
      (sum, { counts }) => ({
        negative: sum.negative + counts.negative,
        positive: sum.positive + counts.positive,
        total: sum.total + counts.total,
      }),
      { negative: 0, positive: 0, total: 0 },
    )
}

/** Flips on as many examples as, drawn by the shares, would tell as much: for estimates of what more examples would show. */
export function effectiveCounts(strata: readonly Stratum[], effective: number): PairedCounts {
  const seen = strata.filter(({ share, counts }) => share > 0 && counts.total > 0)
  const covered = seen.reduce((sum, { share }) => sum + share, 0)
  const rate = (which: 'negative' | 'positive') =>
    seen.reduce((sum, { share, counts }) => sum + (share * counts[which]) / counts.total, 0) / covered
  return seen.length === 0
    ? { negative: 0, positive: 0, total: 0 }
    : { negative: rate('negative') * effective, positive: rate('positive') * effective, total: effective }
}

/** Examples, in the mixture that there are, that would bring a verdict in 80 % of cases; null where none would. */
function neededFor(
  strata: readonly Stratum[],
  { drop, unseen, effective }: WeightedDrop,
  budget: number,
  confidence = defaultConfidence,
): number | null {
  if (unseen > 0 || effective === 0) return null
  const { negative, positive } = effectiveCounts(strata, effective)
  const flipRate = Math.max(Math.abs(drop), (negative + positive) / effective)
  const needed = neededToTell({ drop, flipRate }, { budget, confidence })
  const { total } = pooledCounts(strata)
  return needed === null ? null : Math.max(Math.ceil((needed * total) / effective), 1)
}

/**
 * Strata of the classes of some examples: by shares that are given, else, for a drop by class, with as much for each class that
 * has an example.
 *
 * @param examples The right class of each, and whether the two models are right.
 * @param shares Of each class, in any unit; default as much for each class that has an example.
 */
export function strataOf<Label extends number | string>(
  examples: readonly { readonly label: Label; readonly before: boolean; readonly after: boolean }[],
  shares?: ReadonlyMap<Label, number>,
): Stratum[] {
  const counts = new Map<Label, { negative: number; positive: number; total: number }>()
  for (const { label, before, after } of examples) {
    const own = counts.get(label) ?? { negative: 0, positive: 0, total: 0 }
    counts.set(label, own)
    own.total++
    if (before && !after) own.negative++
    if (!before && after) own.positive++
  }
  const wanted = shares ?? new Map([...counts.keys()].map((label) => [label, 1 / counts.size] as const))
  const sum = [...wanted.values()].reduce((total, share) => total + share, 0)
  return [...wanted].map(([label, share]) => ({
    share: share / sum,
    counts: counts.get(label) ?? { negative: 0, positive: 0, total: 0 },
  }))
}
