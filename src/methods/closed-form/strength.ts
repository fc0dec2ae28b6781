import type { Turns } from '../../engine/turns.ts'
import { UsageError } from '../../errors.ts'
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
  const features = Float64Array.from(data, (value, at) => value - (centre[at % width] as number))
  for (let row = 0; row * width < features.length; row++) {
    toTridiagonal(form, rowOf(features, row, width))
    const wait = turn()
    if (wait) await wait
  }
  return { features, labels }
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

/** The candidate of the least error; of equal ones the stronger. */
export async function leastOf(
  candidates: readonly number[],
  error: (candidate: number) => number,
  turn: Turns,
): Promise<number> {
  const judged: { readonly candidate: number; readonly error: number }[] = []
  for (const candidate of candidates) {
    judged.push({ candidate, error: error(candidate) })
    const wait = turn()
    if (wait) await wait
  }
  const [first, ...others] = judged.filter((one) => Number.isFinite(one.error))
  if (!first) return candidates.at(-1) as number
  return others.reduce((best, one) => (one.error <= best.error ? one : best), first).candidate
}
