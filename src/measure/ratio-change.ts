import { UsageError } from '../errors.ts'
import { itemAt } from '../required.ts'
import { checkedConfidence } from './confidence.ts'
import { studentQuantile } from './student.ts'

/** One document: how much something changed in it, and how much there is of what the change is counted by. */
export interface Ratio {
  readonly change: number
  /** 0 or more. */
  readonly base: number
}

/** A ratio of sums over documents. */
export interface RatioBounds {
  /** Sum of the changes by the sum of the bases. */
  readonly ratio: number
  /** One-sided bounds; infinite with too few documents for any. */
  readonly lower: number
  readonly upper: number
  /** Of the ratio, by leaving out one document at a time. */
  readonly standardError: number
}

/** With fewer documents, samples drawn from them are too often of one document alone. */
export const fewestDocuments = 5

/** More would take too many samples, and more documents than there are to know the ends of a distribution by. */
export const mostRatioConfidence = 0.999

/**
 * The confidence of such a bound, checked.
 *
 * @throws UsageError `confidence-range`.
 */
export function checkedRatioConfidence(asked?: number): number {
  const confidence = checkedConfidence(asked)
  if (1 - confidence >= 0.999 * (1 - mostRatioConfidence)) return confidence
  throw new UsageError(
    'confidence-range',
    `Bounds of texts are known with a confidence of ${mostRatioConfidence} at most, but ${confidence} is asked for.`,
  )
}

/**
 * Bounds of sum(change) / sum(base) for all documents of the kind that these are drawn from, which are as long and as different
 * from one another as they like. With r the ratio and e = change - r base, the ratio's t is r minus the true one by its standard error.
 * Each bound is the wider one of
 * - Student's: r ± t SE, with n' - 1 degrees of freedom for n' = sum(base)^2 / sum(base^2) documents of equal length (Kish 1965);
 * - the bootstrap's (Efron and Tibshirani 1993, 12.5): the distribution of t, which lengths and changes make skew, over samples of
 *   documents, at half the error. The half makes up for the skewness that few documents do not show.
 *
 * SE is that of the jackknife, which counts a document the more the larger its share of the whole is. What kind of document no
 * example is of, no bound knows. How often they are wrong is in docs/gate.md; samples are always the same ones.
 *
 * @throws UsageError `ratio-base` where the bases are negative or all 0; `confidence-range` also above 0.999.
 * @example
 * ratioBounds([{ change: 1, base: 100 }, { change: 3, base: 90 }, …], 0.95).upper
 */
export function ratioBounds(documents: readonly Ratio[], confidence?: number): RatioBounds {
  const error = 1 - checkedRatioConfidence(confidence)
  const n = documents.length
  const whole = documents.reduce((sum, { base }) => sum + base, 0)
  if (!(whole > 0 && Number.isFinite(whole)) || documents.some(({ base }) => base < 0)) {
    throw new UsageError('ratio-base', `What changes are counted by has to be 0 or more, and more in all.`)
  }
  const ratio = documents.reduce((sum, { change }) => sum + change, 0) / whole
  const residuals = Float64Array.from(documents, ({ change, base }) => change - ratio * base)
  const shares = Float64Array.from(documents, ({ base }) => base / whole)
  const standardError = leftOut(residuals, shares) / whole
  if (n < fewestDocuments || !Number.isFinite(standardError)) {
    return { ratio, lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY, standardError }
  }
  if (standardError === 0) return { ratio, lower: ratio, upper: ratio, standardError }
  const alike = 1 / shares.reduce((sum, share) => sum + share * share, 0)
  const student = studentQuantile(1 - error, Math.max(1, alike - 1))
  const drawn = drawnTs(residuals, shares, error / 2)
  const place = Math.floor((error / 2) * (drawn.length + 1)) - 1
  const [least, most] = [itemAt(drawn, place, 't'), itemAt(drawn, drawn.length - 1 - place, 't')]
  return {
    ratio,
    lower: ratio - standardError * Math.max(student, most),
    upper: ratio + standardError * Math.max(student, -least),
    standardError,
  }
}

/** The jackknife's standard error of the sum of residuals: without document i the ratio moves by -e_i / (whole (1 - share_i)). */
function leftOut(residuals: Float64Array, shares: Float64Array): number {
  const n = residuals.length
  let sum = 0
  for (const [at, residual] of residuals.entries()) {
    if (residual !== 0) sum += (residual / (1 - (shares[at] ?? 0))) ** 2
  }
  return Math.sqrt((sum * (n - 1)) / n)
}

/**
 * The ratio's t in samples of as many documents, in order. In a sample the ratio is off by q = sum(e) / sum(base), its residuals
 * are e - q base, so that sums of five products give its t.
 */
function drawnTs(residuals: Float64Array, shares: Float64Array, error: number): Float64Array {
  const n = residuals.length
  const found = new Float64Array(Math.max(1999, Math.ceil(50 / error) - 1))
  const next = draws()
  for (let sample = 0; sample < found.length; sample++) {
    let [e, s, ee, es, ss] = [0, 0, 0, 0, 0]
    for (let draw = 0; draw < n; draw++) {
      const at = Math.floor(next() * n)
      const residual = residuals[at] ?? 0
      const share = shares[at] ?? 0
      e += residual
      s += share
      ee += residual * residual
      es += residual * share
      ss += share * share
    }
    const q = s > 0 ? e / s : 0
    const squares = Math.max(0, ee - 2 * q * es + q * q * ss)
    // A sample of one document many times has no spread: its t is endless, to the side on which it is off.
    found[sample] = e === 0 ? 0 : e / Math.sqrt((squares * n) / (n - 1))
  }
  return found.sort()
}

/** Numbers from 0 to below 1, always the same ones (Marsaglia 2003, Xorshift RNGs). */
function draws(): () => number {
  let state = 2_463_534_242
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
