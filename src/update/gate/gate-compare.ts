import { binomialUpperBound } from '../../measure/binomial.ts'
import { flips } from '../../measure/flips.ts'
import { type GroupVerdict, groupVerdicts } from '../../measure/group-verdicts.ts'
import { mcnemar } from '../../measure/paired.ts'
import { holm } from '../../measure/statistics.ts'
import { type DropVerdict, judgeDrop, type Verdict } from '../../measure/verdict.ts'
import { weightedDrop } from '../../measure/weighted-drop.ts'
import { judgeWeighted, strataOf } from '../../measure/weighted-verdict.ts'
import { itemAt } from '../../required.ts'
import type { PairedExample } from './gate-join.ts'

export type { Verdict } from '../../measure/verdict.ts'

/** Two models on the same examples. All figures but counts and p values are fractions. */
export interface Comparison {
  /** How many examples. */
  readonly n: number
  readonly accuracy: { readonly baseline: number; readonly candidate: number }
  /** Accuracy lost; below 0 where the candidate is better. */
  readonly drop: number
  /** One-sided confidence bounds of the drop. */
  readonly lower: number
  readonly upper: number
  /** The drop allowed. */
  readonly budget: number
  readonly flips: { readonly negative: number; readonly positive: number }
  /** Share of all examples that were right and are wrong now. */
  readonly negativeFlipRate: number
  /** Exact, two-sided: small where the models differ at all. */
  readonly mcnemarP: number
}

/** The comparison on all examples. */
export interface OverallComparison extends Comparison {
  /**
   * What an example counts: the same as any other (`rows`), as much as its class has of the traffic (`deployed`), or so that each
   * class counts the same (`balanced`). Accuracies, drop and bounds are weighed so; flips are counts.
   */
  readonly weighing: Weighing
  /** Share of the traffic of classes without an example: the bounds take all of it for lost, and for won. */
  readonly unseen: number
  /** `pass`: upper <= budget; `fail`: lower > budget; else `inconclusive`. */
  readonly verdict: Verdict
  /** The negative flip rate is at most this, with the confidence of the other bounds (Clopper and Pearson). */
  readonly negativeFlipRateUpper: number
  /**
   * Examples at which a verdict would be reached with a chance of 80 %, if drop and flips go on as seen here; null where the drop is the
   * budget exactly, which no number of examples decides.
   */
  readonly neededN: number | null
}

/** The comparison on the examples of one class or slice. Its p values are Holm-corrected over all classes, or all slices. */
export interface GroupComparison extends Comparison, GroupVerdict {
  readonly name: string
}

export type Weighing = 'rows' | 'deployed' | 'balanced'

interface Measured {
  readonly comparison: Comparison
  readonly judged: DropVerdict
}

function measure(examples: readonly PairedExample[], budget: number, confidence: number): Measured {
  const found = flips(
    examples.map(({ label }) => label),
    examples.map(({ before }) => before.pred),
    examples.map(({ after }) => after.pred),
  )
  const { total, drop, negativeFlipRate } = found
  const counts = { negative: found.negative.length, positive: found.positive.length, total }
  const judged = judgeDrop(counts, { budget, confidence })
  const right = examples.filter(({ label, before }) => before.pred === label).length
  return {
    judged,
    comparison: {
      n: total,
      accuracy: {
        baseline: right / total,
        candidate: (right - counts.negative + counts.positive) / total,
      },
      drop,
      lower: judged.lower,
      upper: judged.upper,
      budget,
      flips: { negative: counts.negative, positive: counts.positive },
      negativeFlipRate,
      mcnemarP: mcnemar(counts),
    },
  }
}

/** Compares on all examples, each of which counts the same. */
export function compareAll(
  examples: readonly PairedExample[],
  budget: number,
  confidence: number,
): OverallComparison {
  const { comparison, judged } = measure(examples, budget, confidence)
  const { verdict, neededN } = judged
  const negativeFlipRateUpper = binomialUpperBound(comparison.flips.negative, comparison.n, 1 - confidence)
  return { ...comparison, verdict, negativeFlipRateUpper, neededN, weighing: 'rows', unseen: 0 }
}

/**
 * Compares on all examples, each class with its share.
 *
 * @param shares Of each class, in any unit; default as much for each class that has an example.
 */
export function compareWeighed(
  examples: readonly PairedExample[],
  budget: number,
  confidence: number,
  shares?: ReadonlyMap<string, number>,
): OverallComparison {
  const plain = compareAll(examples, budget, confidence)
  const answered = examples.map(({ label, before, after }) => ({
    label,
    before: before.pred === label,
    after: after.pred === label,
  }))
  const { verdict, drop, lower, upper, unseen, neededN } = judgeWeighted(strataOf(answered, shares), {
    budget,
    confidence,
  })
  // The drop from answers that are all right is the share that is wrong.
  const wrong = (which: 'before' | 'after') =>
    weightedDrop(
      strataOf(
        answered.map((each) => ({ label: each.label, before: true, after: each[which] })),
        shares,
      ),
      confidence,
    ).drop
  return {
    ...plain,
    accuracy: { baseline: 1 - wrong('before'), candidate: 1 - wrong('after') },
    drop,
    lower,
    upper,
    verdict,
    neededN,
    weighing: shares ? 'deployed' : 'balanced',
    unseen,
  }
}

/** Compares on each group of examples, in the order given. */
export function compareGroups(
  groups: ReadonlyMap<string, readonly PairedExample[]>,
  budget: number,
  confidence: number,
): GroupComparison[] {
  const measured = [...groups].map(([name, examples]) => ({
    name,
    ...measure(examples, budget, confidence),
  }))
  const verdicts = groupVerdicts(
    measured.map(({ comparison: { flips, n } }) => ({ ...flips, total: n })),
    { budget, confidence },
  )
  const differ = holm(measured.map(({ comparison }) => comparison.mcnemarP))
  return measured.map(({ name, comparison }, at) => ({
    ...{ name, ...comparison, mcnemarP: differ[at] ?? 1 },
    ...itemAt(verdicts, at, 'group'),
  }))
}

/** Examples by the names that each has, names in order of first appearance. */
export function groupBy(
  examples: readonly PairedExample[],
  namesOf: (example: PairedExample) => readonly string[],
): Map<string, PairedExample[]> {
  const groups = new Map<string, PairedExample[]>()
  for (const example of examples) {
    for (const name of namesOf(example)) {
      const group = groups.get(name)
      if (group) group.push(example)
      else groups.set(name, [example])
    }
  }
  return groups
}
