import { itemAt } from '../required.ts'

/** log of n! by a table grown on demand: exact sums of logs, n up to some millions. */
const logFactorials: number[] = [0]
function logFactorial(n: number): number {
  for (let k = logFactorials.length; k <= n; k++) {
    logFactorials.push(itemAt(logFactorials, k - 1, 'factorial of') + Math.log(k))
  }
  return itemAt(logFactorials, n, 'factorial of')
}

/**
 * P(X = k) for X ~ Binomial(n, p).
 *
 * @example binomialPmf(1, 2, 0.5) // 0.5
 */
export function binomialPmf(k: number, n: number, p: number): number {
  if (k < 0 || k > n) return 0
  if (p <= 0) return k === 0 ? 1 : 0
  if (p >= 1) return k === n ? 1 : 0
  const log =
    logFactorial(n) - logFactorial(k) - logFactorial(n - k) + k * Math.log(p) + (n - k) * Math.log1p(-p)
  return Math.exp(log)
}

/**
 * P(X <= k) for X ~ Binomial(n, p), by summing the shorter tail's terms upward.
 *
 * @example binomialCdf(1, 2, 0.5) // 0.75
 */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0
  if (k >= n) return 1
  let sum = 0
  for (let i = 0; i <= k; i++) sum += binomialPmf(i, n, p)
  return Math.min(1, sum)
}

/**
 * Clopper-Pearson upper bound: the largest p for which seeing at most k successes of n still has probability `tail`.
 *
 * @example binomialUpperBound(0, 300, 0.05) // 0.00994: the rule of three
 */
export function binomialUpperBound(k: number, n: number, tail: number): number {
  if (k >= n) return 1
  let low = k / n
  let high = 1
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (binomialCdf(k, n, middle) > tail) low = middle
    else high = middle
  }
  return high
}
