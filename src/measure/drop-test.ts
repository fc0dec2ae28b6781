import { binomialCdf, binomialPmf } from './binomial.ts'
import { normalCdf, normalQuantile } from './statistics.ts'

/** Two models on the same n examples: b right before and wrong after, c wrong before and right after. */
export interface PairedCounts {
  /** b. */
  readonly negative: number
  /** c. */
  readonly positive: number
  /** n. */
  readonly total: number
}

/** Below so many flips the distribution of b - c is summed up; from there on its normal approximation will do. */
const fewestFlips = 25

/** How {@link dropTail} gets its probability for these counts. */
export const tailMethod = ({ negative, positive }: PairedCounts): 'exact' | 'score' =>
  negative + positive < fewestFlips ? 'exact' : 'score'

/**
 * The rate of flips, either way, that makes the counts most likely where the true drop is `drop` (Tango 1998): with s the rate of
 * positive flips, 2n s^2 + ((2n - b + c) drop - b - c) s - c drop (1 - drop) = 0, the larger root; the rate is 2s + drop.
 */
export function restrictedFlipRate({ negative, positive, total }: PairedCounts, drop: number): number {
  const linear = (2 * total - negative + positive) * drop - negative - positive
  const constant = -positive * drop * (1 - drop)
  const root = Math.sqrt(Math.max(0, linear * linear - 8 * total * constant))
  // Rounding may take it above 1, where there is no distribution.
  return Math.min(1, 2 * Math.max(0, -drop, (root - linear) / (4 * total)) + drop)
}

/**
 * P(B - C <= b - c) were the true drop `drop`: the p value against "the drop is at least `drop`". The unknown rate of flips is
 * {@link restrictedFlipRate}. With few flips the exact distribution of B - C is summed up; else it is that of the score statistic,
 * (b - c + 1/2 - n drop) / sqrt(n (rate - drop^2)), the half being the correction for whole counts. The Wald statistic, which takes the
 * observed rate instead, lets a model on the border pass in up to 9 % of cases with 25 flips (`bench/gate-simulation.ts`).
 */
export function dropTail(counts: PairedCounts, drop: number): number {
  const { negative, positive, total } = counts
  const rate = restrictedFlipRate(counts, drop)
  if (tailMethod(counts) === 'exact') return differenceCdf(negative - positive, total, drop, rate)
  const deviation = Math.sqrt(Math.max(0, total * (rate - drop * drop)))
  return normalCdf((negative - positive + 0.5 - total * drop) / deviation)
}

/**
 * P(B - C <= difference) where the flips of n examples have rate `flipRate` and B - C has mean n times `drop`: over f flips the sum of
 * P(f of n) P(B <= (difference + f) / 2 of f). From one f to the next both factors follow by recurrence,
 * P(B <= k of f + 1) = P(B <= k of f) - share P(B = k of f).
 */
export function differenceCdf(difference: number, n: number, drop: number, flipRate: number): number {
  const share = flipRate === 0 ? 0 : Math.min(1, (flipRate + drop) / (2 * flipRate))
  const spread = 10 * Math.sqrt(n * flipRate * (1 - flipRate)) + 10
  const from = Math.max(0, Math.floor(n * flipRate - spread))
  const to = Math.min(n, Math.ceil(n * flipRate + spread))
  let chance = binomialPmf(from, n, flipRate)
  let most = Math.floor((difference + from) / 2)
  let exactly = binomialPmf(most, from, share)
  let atMost = binomialCdf(most, from, share)
  let sum = chance * atMost
  for (let flips = from + 1; flips <= to; flips++) {
    const before = most
    most = Math.floor((difference + flips) / 2)
    if (before < 0 || before >= flips - 1 || most >= flips) {
      // Where the recurrence has nothing to start from.
      exactly = binomialPmf(most, flips, share)
      atMost = binomialCdf(most, flips, share)
    } else {
      atMost -= share * exactly
      exactly *= most > before ? (flips / most) * share : (flips / (flips - before)) * (1 - share)
      if (most > before) atMost += exactly
    }
    chance =
      flipRate < 1
        ? chance * ((n - flips + 1) / flips) * (flipRate / (1 - flipRate))
        : binomialPmf(flips, n, flipRate)
    sum += chance * atMost
  }
  return Math.min(1, Math.max(0, sum))
}

/** The largest drop that is not rejected at `tail`: the upper confidence bound. */
export function upperDropBound(counts: PairedCounts, tail: number): number {
  const { negative, positive, total } = counts
  let low = (negative - positive) / total
  if (dropTail(counts, 1) > tail) return 1
  // A first guess that is seldom too low, so that no drop far above the data has to be tried. At a tail of one half z is 0, and
  // steps have to lead away all the same.
  const z = Math.max(0.1, normalQuantile(1 - tail))
  let high = low
  for (
    let step = (z * (Math.sqrt(negative + positive + z * z) + z)) / total;
    dropTail(counts, high) > tail;
  ) {
    low = high
    high = Math.min(1, high + step)
    step *= 2
  }
  for (let halving = 0; halving < 30; halving++) {
    const middle = (low + high) / 2
    if (dropTail(counts, middle) > tail) low = middle
    else high = middle
  }
  return high
}
