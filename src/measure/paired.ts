import { UsageError } from '../errors.ts'
import { binomialCdf, binomialPmf, binomialUpperBound } from './binomial.ts'
import { normalQuantile } from './statistics.ts'

/** Two models on the same n examples: b right before and wrong after, c wrong before and right after. */
export interface PairedCounts {
  /** b. */
  readonly negative: number
  /** c. */
  readonly positive: number
  /** n. */
  readonly total: number
}

/** Answer of the non-inferiority gate. All but the method's name are fractions of n. */
export interface NonInferiority {
  /** (b - c) / n. */
  readonly drop: number
  /** sqrt(b + c - (b - c)^2 / n) / n. */
  readonly standardError: number
  /** The drop is at most this, with the asked-for confidence. */
  readonly upperBound: number
  readonly passes: boolean
  /** `normal` from 25 flips on, `exact` below. */
  readonly method: 'normal' | 'exact'
}

/** Below so many flips the normal approximation is not to be trusted. */
const fewestFlips = 25

const check = ({ negative, positive, total }: PairedCounts): void => {
  const whole = [negative, positive, total].every((count) => Number.isInteger(count) && count >= 0)
  if (!whole || total === 0 || negative + positive > total) {
    throw new UsageError(
      'paired-counts',
      `Paired counts must be whole, with negative + positive flips at most the total and a total above 0, but are negative ${negative}, positive ${positive}, total ${total}.`,
    )
  }
}

/** P(B - C <= difference) where the flips of n examples have rate `flipRate` and B - C has mean n times `drop`. */
function differenceCdf(difference: number, n: number, drop: number, flipRate: number): number {
  const negativeShare = flipRate === 0 ? 0 : Math.min(1, (flipRate + drop) / (2 * flipRate))
  const spread = 10 * Math.sqrt(n * flipRate * (1 - flipRate)) + 10
  const from = Math.max(0, Math.floor(n * flipRate - spread))
  const to = Math.min(n, Math.ceil(n * flipRate + spread))
  let sum = 0
  for (let flips = from; flips <= to; flips++) {
    sum +=
      binomialPmf(flips, n, flipRate) *
      binomialCdf(Math.floor((difference + flips) / 2), flips, negativeShare)
  }
  return sum
}

/** One in a thousand of the error is spent on bounding the unknown rate of flips (Berger & Boos 1994). */
const nuisanceTail = 0.001

/**
 * Upper confidence bound of the drop without the normal approximation: the largest drop that an exact unconditional
 * test on b - c does not reject, the flip rate being any in its own 99.9 % bound. Never too small, unlike a bootstrap, which
 * finds no uncertainty at all in a sample without flips.
 */
function exactUpperBound({ negative, positive, total }: PairedCounts, confidence: number): number {
  const highestRate = binomialUpperBound(negative + positive, total, nuisanceTail)
  const rejects = (drop: number): boolean => {
    if (drop >= highestRate) return true
    const grid = 40
    for (let k = 0; k <= grid; k++) {
      const rate = Math.abs(drop) + ((highestRate - Math.abs(drop)) * k) / grid
      if (differenceCdf(negative - positive, total, drop, rate) > 1 - confidence - nuisanceTail) return false
    }
    return true
  }
  let low = (negative - positive) / total
  let high = highestRate
  for (let step = 0; step < 22; step++) {
    const middle = (low + high) / 2
    if (rejects(middle)) high = middle
    else low = middle
  }
  return high
}

/**
 * Is the new model at most `budget` worse than the old one? Passes when drop + z SE <= budget, with drop = (b - c) / n and
 * SE = sqrt(b + c - (b - c)^2 / n) / n; with fewer than 25 flips an exact bound takes the place of drop + z SE. A test
 * that finds no significant difference does not show this; this does.
 *
 * @param counts flips on the same examples
 * @param options `budget`: the drop allowed, a fraction, e.g. 0.01; `confidence`: one-sided, default 0.95 (z = 1.645), at most 0.998
 * @throws UsageError `paired-counts`, `confidence-range`
 * @example nonInferiority({ negative: 40, positive: 30, total: 10_000 }, { budget: 0.01 }).passes // true
 */
export function nonInferiority(
  counts: PairedCounts,
  options: { readonly budget: number; readonly confidence?: number },
): NonInferiority {
  check(counts)
  const { budget, confidence = 0.95 } = options
  if (!(confidence >= 0.5 && confidence <= 0.998)) {
    throw new UsageError(
      'confidence-range',
      `The confidence must lie from 0.5 to 0.998, but is ${confidence}.`,
    )
  }
  const { negative, positive, total } = counts
  const drop = (negative - positive) / total
  const standardError = Math.sqrt(negative + positive - (negative - positive) ** 2 / total) / total
  const exact = negative + positive < fewestFlips
  const upperBound = exact
    ? exactUpperBound(counts, confidence)
    : drop + normalQuantile(confidence) * standardError
  return { drop, standardError, upperBound, passes: upperBound <= budget, method: exact ? 'exact' : 'normal' }
}

/**
 * Exact two-sided McNemar p: 2 P(X <= min(b, c)) for X ~ Binomial(b + c, 1/2), at most 1 (McNemar 1947). A small value
 * says that the models differ; a large one does not say that they don't.
 *
 * @throws UsageError `paired-counts`
 * @example mcnemar({ negative: 10, positive: 2, total: 100 }) // 0.0386
 */
export function mcnemar(counts: PairedCounts): number {
  check(counts)
  const { negative, positive } = counts
  return Math.min(1, 2 * binomialCdf(Math.min(negative, positive), negative + positive, 0.5))
}

/**
 * How many examples the gate needs: n = (z_confidence + z_power)^2 (flipRate - drop^2) / (budget - drop)^2, rounded up.
 *
 * @param plan `budget`: drop allowed; `flipRate`: expected share of examples whose rightness changes, either way;
 *   `drop`: the true drop expected, default 0; `confidence` default 0.95; `power`: chance to pass, default 0.8
 * @throws UsageError `budget-range` when the budget is not above the expected drop, `flip-rate-range`
 * @example examplesNeeded({ budget: 0.01, flipRate: 0.05 }) // 3092
 */
export function examplesNeeded(plan: {
  readonly budget: number
  readonly flipRate: number
  readonly drop?: number
  readonly confidence?: number
  readonly power?: number
}): number {
  const { budget, flipRate, drop = 0, confidence = 0.95, power = 0.8 } = plan
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
  const z = normalQuantile(confidence) + normalQuantile(power)
  return Math.ceil((z * z * (flipRate - drop * drop)) / (budget - drop) ** 2)
}
