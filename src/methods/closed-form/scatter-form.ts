import type { Turns } from '../../engine/turns.ts'
import type { FeatureSums } from '../../evaluate/sums.ts'
import { type Tridiagonal, tridiagonalise } from './tridiagonal.ts'

const known = new WeakMap<FeatureSums, Promise<Tridiagonal>>()

/**
 * The scatter within classes as Q T Q'. It is most of the work of a head in closed form where features are many, so it is done once for the
 * same sums, whatever is worked out of them.
 *
 * @throws TrainingError `interrupted`.
 */
export function scatterForm(sums: FeatureSums, turn: Turns): Promise<Tridiagonal> {
  const found = known.get(sums) ?? tridiagonalise(sums.scatter.slice(), sums.width, turn)
  known.set(sums, found)
  // What was interrupted is begun anew by whoever asks next.
  found.catch(() => known.delete(sums))
  return found
}
