import type { Turns } from '../../engine/turns.ts'
import { UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { type JudgedRows, rowOf } from './classifier.ts'
import { type Shifted, shifted, type Tridiagonal, toTridiagonal } from './tridiagonal.ts'

// How ridge regression and discriminant analysis choose their strength, which both add to one matrix before it is inverted.

/** A matrix that is inverted with a strength added to it. */
export interface Inverted {
  readonly form: Tridiagonal
  /** The mean eigenvalue, in which strengths count. */
  readonly unit: number
}

/** Rows in the coordinates of T. */
export interface Judged {
  /** [N, D] */
  readonly features: Float64Array
  readonly labels: Int32Array
}

/** Rows about a centre. */
export async function judgedAbout(
  form: Tridiagonal,
  { features: { data }, labels }: JudgedRows,
  centre: Float64Array,
  turn: Turns,
): Promise<Judged> {
  const width = centre.length
  const features = Float64Array.from(data)
  for (let row = 0; row * width < features.length; row++) {
    const own = rowOf(features, row, width)
    for (let at = 0; at < width; at++) own[at] = (own[at] as number) - (centre[at] as number)
    toTridiagonal(form, own)
    const wait = turn()
    if (wait) await wait
  }
  return { features, labels }
}

/** Multiplications and additions that one strength is judged by: more would tell neighbours apart that do equally well. */
const MOST_PRODUCTS = 2e7

/** Of the rows, as many as choose a strength, of each class alike: every second of its rows, every third, …. */
export function choosingRows(judged: Judged, classes: number): Judged {
  const { features, labels } = judged
  const width = features.length / labels.length
  const every = Math.ceil((features.length * classes) / MOST_PRODUCTS)
  if (every <= 1) return judged
  const seen = new Map<number, number>()
  const rows = [...labels.keys()].filter((row) => {
    const label = labels[row] as number
    const before = seen.get(label) ?? 0
    seen.set(label, before + 1)
    return before % every === 0
  })
  const chosen = new Float64Array(rows.length * width)
  for (const [at, row] of rows.entries()) chosen.set(rowOf(features, row, width), at * width)
  return { features: chosen, labels: Int32Array.from(rows, (row) => labels[row] as number) }
}

/** undefined where the strength is smaller than what rounding left of negative eigenvalues. */
export const shift = ({ form, unit }: Inverted, strength: number): Shifted | undefined =>
  shifted(form, strength * unit)

/**
 * The strength, raised by decades as long as it is none.
 *
 * @throws UsageError `features-not-finite` where no strength is one.
 */
export function firm(
  problem: Inverted,
  strength: number,
): { readonly strength: number; readonly factored: Shifted } {
  for (let more = Math.max(strength, Number.MIN_VALUE); Number.isFinite(more); more *= 10) {
    const factored = shift(problem, more)
    if (factored) return { strength: more, factored }
  }
  throw new UsageError(
    'features-not-finite',
    'No head can be worked out from these sums: they are not all finite numbers. Look at what the model makes of the rows, or train the head by steps (--rungs head).',
  )
}

/**
 * The candidate of the least error, of equal ones the stronger: every second one is looked at, then the two beside the best.
 *
 * @param candidates From the weakest to the strongest.
 */
export async function leastOf(
  candidates: readonly number[],
  error: (candidate: number) => number,
  turn: Turns,
): Promise<number> {
  const errors = new Map<number, number>()
  const look = async (place: number): Promise<void> => {
    const candidate = candidates[place]
    if (candidate === undefined) return
    errors.set(place, error(candidate))
    const wait = turn()
    if (wait) await wait
  }
  const best = (): number => {
    const places = [...errors].sort(([a], [b]) => a - b).filter(([, each]) => Number.isFinite(each))
    const [first = [candidates.length - 1, Number.POSITIVE_INFINITY], ...others] = places
    return others.reduce((least, one) => (one[1] <= least[1] ? one : least), first)[0]
  }
  for (let place = 0; place < candidates.length; place += 2) await look(place)
  const coarse = best()
  for (const place of [coarse - 1, coarse + 1]) await look(place)
  return itemAt(candidates, best(), 'strength')
}
