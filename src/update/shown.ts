import { itemAt } from '../required.ts'
import type { PathPoint, Tested } from './path/index.ts'

/** The points of a trial that were tested, as a report shows them. */
export const curveOf = (trial: number, tested: readonly Tested[]): PathPoint[] =>
  tested.filter(({ guess }) => guess.trial === trial).map(pointOf)

/** A tested candidate, with its first claim's drop: the one that is spoken of. */
export function pointOf({ guess, claims }: Tested): PathPoint {
  const { after, drop, upper, flips } = itemAt(claims, 0, 'claim')
  return { alpha: guess.alpha, offset: guess.offset, old: after, new: guess.new, drop, upper, flips }
}
