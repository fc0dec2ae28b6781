import { UsageError } from '../errors.ts'
import { binomialCdf } from './binomial.ts'
import { checkedConfidence } from './confidence.ts'
import { dropTail, type PairedCounts, restrictedFlipRate, tailMethod, upperDropBound } from './drop-test.ts'
import { normalQuantile } from './statistics.ts'

export type { PairedCounts } from './drop-test.ts'

/** Answer of the non-inferiority test. All but the method's name and the p values are fractions of n. */
export interface NonInferiority {
  /** (b - c) / n. */
  readonly drop: number
  /** sqrt(b + c - (b - c)^2 / n) / n. */
  readonly standardError: number
  /** The drop is at least this, with the asked-for confidence. */
  readonly lowerBound: number
  /** The drop is at most this, with the asked-for confidence. */
  readonly upperBound: number
  /** p value against "the drop is the budget or more": small where the new model is shown to be inside the budget. */
  readonly insideP: number
  /** p value against "the drop is the budget or less": small where the new model is shown to be outside. */
  readonly outsideP: number
  readonly passes: boolean
  /** `score` from 25 flips on, `exact` below. */
  readonly method: 'score' | 'exact'
}

/** @throws UsageError `paired-counts`. */
export const checkCounts = ({ negative, positive, total }: PairedCounts): void => {
  const whole = [negative, positive, total].every((count) => Number.isInteger(count) && count >= 0)
  if (!whole || total === 0 || negative + positive > total) {
    throw new UsageError(
      'paired-counts',
      `Paired counts must be whole, with negative + positive flips at most the total and a total above 0, but are negative ${negative}, positive ${positive}, total ${total}.`,
    )
  }
}

/** @throws UsageError `budget-range`. */
export function checkBudget(budget: number): void {
  if (budget >= 0 && budget < 1) return
  throw new UsageError(
    'budget-range',
    `The budget is a fraction from 0 to below 1, e.g. 0.01, but is ${budget}.`,
  )
}

/**
 * Is the new model at most `budget` worse than the old one? Passes when a drop of `budget` or more is rejected by Tango's score test
 * for paired proportions (Tango 1998, Statistics in Medicine 17), corrected for whole counts; with fewer than 25 flips the distribution
 * itself is summed up. The bounds are the drops at which that test turns. A test that finds no significant difference does not show
 * that the new model is not worse; this does.
 *
 * @param counts flips on the same examples
 * @param options `budget`: the drop allowed, a fraction from 0 to 1, e.g. 0.01; `confidence`: one-sided, from 0.5 to 0.999999, default 0.95 (see `confidenceRange`)
 * @throws UsageError `paired-counts`, `confidence-range`, `budget-range`
 * @example nonInferiority({ negative: 40, positive: 30, total: 10_000 }, { budget: 0.01 }).passes // true
 */
export function nonInferiority(
  counts: PairedCounts,
  options: { readonly budget: number; readonly confidence?: number | undefined },
): NonInferiority {
  checkCounts(counts)
  const { budget } = options
  const confidence = checkedConfidence(options.confidence)
  checkBudget(budget)
  const { negative, positive, total } = counts
  // What is a drop for one model is a gain for the other: `outsideTail`.
  const mirrored = { negative: positive, positive: negative, total }
  const insideP = dropTail(counts, budget)
  return {
    drop: (negative - positive) / total,
    standardError: Math.sqrt(negative + positive - (negative - positive) ** 2 / total) / total,
    lowerBound: -upperDropBound(mirrored, 1 - confidence),
    upperBound: upperDropBound(counts, 1 - confidence),
    insideP,
    outsideP: dropTail(mirrored, -budget),
    passes: insideP <= 1 - confidence,
    method: tailMethod(counts),
  }
}

/**
 * Exact two-sided McNemar p: 2 P(X <= min(b, c)) for X ~ Binomial(b + c, 1/2), at most 1 (McNemar 1947). A small value
 * says that the models differ; a large one does not say that they don't.
 *
 * @throws UsageError `paired-counts`
 * @example mcnemar({ negative: 10, positive: 2, total: 100 }) // 0.0386
 */
export function mcnemar(counts: PairedCounts): number {
  checkCounts(counts)
  const { negative, positive } = counts
  return Math.min(1, 2 * binomialCdf(Math.min(negative, positive), negative + positive, 0.5))
}

/**
 * How many examples the gate needs to pass with the chance `power`. With x the root of n it is the smallest n at which
 * (budget - drop) x^2 - (z_confidence sigma_0 + z_power sigma_1) x - 1/2 >= 0, where sigma_1^2 = flipRate - drop^2 is the variance of one
 * example's flip and sigma_0^2 that which the score test will assume: the same with a drop of `budget` and the flip rate fitted to it.
 *
 * @param plan `budget`: drop allowed; `flipRate`: expected share of examples whose rightness changes, either way;
 *   `drop`: the true drop expected, default 0; `confidence` default 0.95; `power`: chance to pass, default 0.8
 * @throws UsageError `budget-range` when the budget is not above the expected drop, `flip-rate-range`, `confidence-range`
 * @example examplesNeeded({ budget: 0.01, flipRate: 0.05 }) // 3262
 */
export function examplesNeeded(plan: {
  readonly budget: number
  readonly flipRate: number
  readonly drop?: number
  readonly confidence?: number | undefined
  readonly power?: number | undefined
}): number {
  const { budget, flipRate, drop = 0, power = 0.8 } = plan
  const confidence = checkedConfidence(plan.confidence)
  if (!(budget > drop)) {
    throw new UsageError(
      'budget-range',
      `No number of examples shows a drop of at most ${budget} where ${drop} is expected: ask for a larger budget.`,
    )
  }
  if (!(flipRate >= Math.abs(drop) && flipRate <= 1)) {
    throw new UsageError(
      'flip-rate-range',
      `The share of flips must lie from the size of the drop, ${Math.abs(drop)}, to 1, but is ${flipRate}.`,
    )
  }
  const expected = { negative: (flipRate + drop) / 2, positive: (flipRate - drop) / 2, total: 1 }
  const assumed = Math.sqrt(restrictedFlipRate(expected, budget) - budget * budget)
  const real = Math.sqrt(flipRate - drop * drop)
  const spread = normalQuantile(confidence) * assumed + normalQuantile(power) * real
  const distance = budget - drop
  const root = (spread + Math.sqrt(spread * spread + 2 * distance)) / (2 * distance)
  return Math.ceil(root * root)
}
