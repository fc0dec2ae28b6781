import { UsageError } from '../errors.ts'

const nonEmpty = (values: readonly number[], what: string): void => {
  if (values.length === 0)
    throw new UsageError('statistics-empty', `The ${what} of no values does not exist.`)
}

/**
 * Arithmetic mean.
 *
 * @throws UsageError `statistics-empty`
 * @example mean([1, 2, 6]) // 3
 */
export function mean(values: readonly number[]): number {
  nonEmpty(values, 'mean')
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/**
 * Standard error of the mean: sample standard deviation (n - 1) over the root of n; undefined below two values.
 *
 * @example sem([1, 2, 3]) // 1 / sqrt(3)
 */
export function sem(values: readonly number[]): number | undefined {
  const n = values.length
  if (n < 2) return undefined
  const centre = mean(values)
  const squares = values.reduce((sum, value) => sum + (value - centre) ** 2, 0)
  return Math.sqrt(squares / (n - 1) / n)
}

/**
 * Median; the mean of the two middle values for an even count.
 *
 * @throws UsageError `statistics-empty`
 * @example median([5, 1, 3]) // 3
 */
export function median(values: readonly number[]): number {
  nonEmpty(values, 'median')
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}

/**
 * P(Z <= x) of the standard normal: 1/2 + phi(x) (x + x^3/3 + x^5/(3 5) + ...) (Marsaglia 2004), absolute error about 1e-16.
 *
 * @example normalCdf(1.96) // 0.975
 */
export function normalCdf(x: number): number {
  if (x > 8.3) return 1
  if (x < -8.3) return 0
  let term = x
  let sum = x
  for (let odd = 3; Math.abs(term) > 1e-18 * Math.abs(sum); odd += 2) {
    term *= (x * x) / odd
    sum += term
  }
  return 0.5 + (sum * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI)
}

/**
 * The x with P(Z <= x) = p, to 1e-9 for 1e-6 <= p <= 1 - 1e-6.
 *
 * @throws UsageError `probability-range` unless 0 < p < 1
 * @example normalQuantile(0.95) // 1.6448536
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) {
    throw new UsageError(
      'probability-range',
      `A normal quantile needs a probability between 0 and 1, but got ${p}.`,
    )
  }
  let low = -8.3
  let high = 8.3
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (normalCdf(middle) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/**
 * Holm's step-down correction: adjusted p values in the order given. Rejecting those at most alpha keeps the chance of
 * any false rejection at alpha, whatever the dependence (Holm 1979).
 *
 * @example holm([0.01, 0.04, 0.03]) // [0.03, 0.06, 0.06]
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((p, index) => ({ p, index })).sort((a, b) => a.p - b.p)
  const adjusted = new Array<number>(pValues.length).fill(1)
  let largest = 0
  order.forEach(({ p, index }, rank) => {
    largest = Math.max(largest, Math.min(1, p * (pValues.length - rank)))
    adjusted[index] = largest
  })
  return adjusted
}
