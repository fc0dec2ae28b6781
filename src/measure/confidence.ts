import { UsageError } from '../errors.ts'

/** The confidences that a one-sided bound can be asked for, least and most. */
export const confidenceRange = { least: 0.5, most: 0.999999 } as const

/** The same in words, for help and messages. */
export const confidenceWords = `from ${confidenceRange.least} to ${confidenceRange.most}`

/** What is meant where nothing is said. */
export const defaultConfidence = 0.95

/**
 * The confidence of a one-sided bound, checked. Below 0.5 a bound would lie on the wrong side of the estimate.
 *
 * @throws UsageError `confidence-range`.
 * @example checkedConfidence(undefined) // 0.95
 */
export function checkedConfidence(confidence: number = defaultConfidence): number {
  if (confidence >= confidenceRange.least && confidence <= confidenceRange.most) return confidence
  throw new UsageError(
    'confidence-range',
    `A confidence lies ${confidenceWords}, for example 0.95, but it is ${confidence}.`,
  )
}
