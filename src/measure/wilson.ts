import { normalQuantile } from './statistics.ts'

/** A share, and between which it lies. */
export interface Interval {
  readonly lower: number
  readonly upper: number
}

/**
 * Wilson's interval of a share (Wilson 1927, JASA 22): the shares from which so many of so many are no further away than the normal
 * quantile. It stays inside 0 to 1 and has a width where none or all are right. Without rows nothing is known: 0 to 1.
 *
 * @param confidence Two-sided, default 0.95.
 * @example wilson(8, 100) // { lower: 0.0411, upper: 0.1500 }
 */
export function wilson(right: number, total: number, confidence = 0.95): Interval {
  if (total === 0) return { lower: 0, upper: 1 }
  const z = normalQuantile((1 + confidence) / 2)
  const share = right / total
  const shrink = 1 + z ** 2 / total
  const centre = (share + z ** 2 / (2 * total)) / shrink
  const half = (z / shrink) * Math.sqrt((share * (1 - share)) / total + z ** 2 / (4 * total ** 2))
  return { lower: Math.max(0, centre - half), upper: Math.min(1, centre + half) }
}
