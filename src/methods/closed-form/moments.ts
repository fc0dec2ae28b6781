import type { FeatureSums } from '../../evaluate/sums.ts'
import type { RandomStream } from '../../tensor/random.ts'
import { type Classifier, product, rowOf, total } from './classifier.ts'
import { squareRoot } from './dense.ts'

/** What logits are, row by row, where features of a class are Gaussian with the covariance that all share. */
export interface LogitMoments {
  /** Mean logits of each class, [K, J]; zeros for classes without rows. */
  readonly means: Float64Array
  /** Their covariance within a class, [J, J]. */
  readonly covariance: Float64Array
  /** How many logits there are. */
  readonly width: number
}

/** Exact: logits are linear in the features. */
export function logitMoments(sums: FeatureSums, { weights, biases }: Classifier): LogitMoments {
  const { counts, scatter, width: features } = sums
  const width = biases.length
  const means = new Float64Array(counts.length * width)
  for (const [unit, count] of counts.entries()) {
    if (count === 0) continue
    for (let logit = 0; logit < width; logit++) {
      const along = product(rowOf(weights, logit, features), rowOf(sums.sums, unit, features))
      means[unit * width + logit] = along / count + (biases[logit] as number)
    }
  }
  const rows = total(counts)
  const covariance = new Float64Array(width * width)
  for (let logit = 0; logit < width; logit++) {
    const spread = timesSymmetric(scatter, rowOf(weights, logit, features))
    for (let other = 0; other < width; other++) {
      covariance[logit * width + other] = product(spread, rowOf(weights, other, features)) / rows
    }
  }
  return { means, covariance, width }
}

/** A v, A symmetric, of which the lower triangle is read. */
function timesSymmetric(matrix: Float64Array, v: Float64Array): Float64Array {
  const size = v.length
  const result = new Float64Array(size)
  for (let row = 0; row < size; row++) {
    const [at, own] = [row * size, v[row] as number]
    let sum = 0
    for (let column = 0; column < row; column++) {
      const value = matrix[at + column] as number
      sum += value * (v[column] as number)
      result[column] = (result[column] as number) + value * own
    }
    result[row] = (result[row] as number) + sum + (matrix[at + row] as number) * own
  }
  return result
}

/** Logits of rows that are drawn: `each` of each class asked for, with their labels. */
export function drawLogits(
  { means, covariance, width }: LogitMoments,
  classes: readonly number[],
  each: number,
  random: RandomStream,
): { readonly logits: Float64Array; readonly labels: Int32Array } {
  const root = squareRoot(covariance, width)
  const labels = Int32Array.from(
    { length: classes.length * each },
    (_, row) => classes[Math.floor(row / each)] as number,
  )
  const logits = new Float64Array(labels.length * width)
  const normal = new Float64Array(width)
  for (const [row, label] of labels.entries()) {
    for (let at = 0; at < width; at++) normal[at] = random.normal()
    for (let at = 0; at < width; at++) {
      const spread = product(rowOf(root, at, width).subarray(0, at + 1), normal)
      logits[row * width + at] = (means[label * width + at] as number) + spread
    }
  }
  return { logits, labels }
}

/**
 * How far a row's logits spread about their mean over the row, as a standard deviation over all rows of these classes, each class counting
 * alike: the scale of a head.
 *
 * @param logits The places of the logits that are looked at.
 */
export function logitScale(
  { means, covariance, width }: LogitMoments,
  classes: readonly number[],
  logits: readonly number[],
): number {
  const spread = (value: (logit: number) => number, pair: (a: number, b: number) => number): number => {
    // tr(P M) with P = I - 1/n: the mean over the row says nothing.
    let [own, all] = [0, 0]
    for (const logit of logits) {
      own += value(logit)
      for (const other of logits) all += pair(logit, other)
    }
    return (own - all / logits.length) / logits.length
  }
  const at = (unit: number, logit: number) => means[unit * width + logit] as number
  let sum = spread(
    (logit) => covariance[logit * width + logit] as number,
    (a, b) => covariance[a * width + b] as number,
  )
  for (const unit of classes) {
    sum +=
      spread(
        (logit) => at(unit, logit) ** 2,
        (a, b) => at(unit, a) * at(unit, b),
      ) / classes.length
  }
  return Math.sqrt(Math.max(sum, 0))
}
