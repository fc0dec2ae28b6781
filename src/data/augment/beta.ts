import type { RandomStream } from '../../tensor/random.ts'

/**
 * A number from Beta(alpha, alpha), as G / (G + G') with G and G' from Gamma(alpha). Logarithms keep small alphas, whose
 * gamma numbers are often too small for a float64, from ending in 0 / 0.
 */
export function symmetricBeta(alpha: number, random: RandomStream): number {
  const difference = logGamma(alpha, random) - logGamma(alpha, random)
  return 1 / (1 + Math.exp(-difference))
}

/** The logarithm of a number from Gamma(alpha): Marsaglia & Tsang 2000, https://doi.org/10.1145/358407.358414. */
function logGamma(alpha: number, random: RandomStream): number {
  // Below 1: Gamma(alpha) is Gamma(alpha + 1) U^(1 / alpha). 1 - U is not 0.
  if (alpha < 1) return logGamma(alpha + 1, random) + Math.log(1 - random.uniform()) / alpha
  const d = alpha - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const x = random.normal()
    const v = (1 + c * x) ** 3
    if (v <= 0) continue
    if (Math.log(1 - random.uniform()) < x ** 2 / 2 + d - d * v + d * Math.log(v)) return Math.log(d * v)
  }
}
