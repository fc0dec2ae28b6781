import { count } from '../count.ts'
import { UsageError } from '../errors.ts'

/** How the predictions of two models on the same examples differ in being right. */
export interface Flips {
  /** Number of examples, n. */
  readonly total: number
  /** Indices of examples right before and wrong after. */
  readonly negative: readonly number[]
  /** Indices of examples wrong before and right after. */
  readonly positive: readonly number[]
  /** Negative flips / n. */
  readonly negativeFlipRate: number
  /** Accuracy lost, (negative - positive) / n; below 0 where the new model is better. */
  readonly drop: number
}

/**
 * Negative and positive flips between two models' predictions (Yan et al. 2021: positive-congruent training).
 *
 * @param labels the right class of each example
 * @param before predictions of the old model, same order
 * @param after predictions of the new model, same order
 * @throws UsageError `predictions-length` when the lengths differ, `predictions-empty` when there are none
 * @example flips([0, 1, 1], [0, 1, 0], [0, 0, 1]).negative // [1]
 */
export function flips<Label extends number | string>(
  labels: readonly Label[],
  before: readonly Label[],
  after: readonly Label[],
): Flips {
  const total = labels.length
  if (before.length !== total || after.length !== total) {
    throw new UsageError(
      'predictions-length',
      `Flips need one prediction of each model per label: ${count(total, 'label')}, but ${count(before.length, 'prediction')} before and ${after.length} after.`,
    )
  }
  if (total === 0)
    throw new UsageError('predictions-empty', 'Flips need at least one example, but there are none.')
  const negative: number[] = []
  const positive: number[] = []
  labels.forEach((label, n) => {
    const wasRight = before[n] === label
    const isRight = after[n] === label
    if (wasRight && !isRight) negative.push(n)
    if (!wasRight && isRight) positive.push(n)
  })
  return {
    total,
    negative,
    positive,
    negativeFlipRate: negative.length / total,
    drop: (negative.length - positive.length) / total,
  }
}
