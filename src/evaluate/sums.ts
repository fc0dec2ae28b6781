import { UsageError } from '../errors.ts'
import { itemAt } from '../required.ts'
import type { ClassSums } from './class-sums.ts'

/**
 * Features summed by class: all that ridge regression and linear discriminant analysis need to know of any number of rows.
 * Sums of several sites add up ({@link addSums}); they hold as long as the weights that made the features stay.
 */
export interface FeatureSums extends ClassSums {
  /**
   * Sum over all rows of (f - m)(f - m)^T, m the mean of the row's class: the Gram matrix of the features, without what the sums of
   * the classes tell already. Float64 [D, D]; only the lower triangle is read.
   */
  readonly scatter: Float64Array
}

/**
 * The sums of both: what one pass over all their rows would have given.
 *
 * @throws UsageError `sums-mismatch` for sums of other features or classes.
 * @example
 * const all = addSums(pack.sums, await featureSums({ engine, features, labels, classes }))
 */
export function addSums(a: FeatureSums, b: FeatureSums): FeatureSums {
  if (a.width !== b.width || a.counts.length !== b.counts.length) {
    throw new UsageError(
      'sums-mismatch',
      `Sums of ${a.counts.length} classes of ${a.width} features cannot be added to those of ${b.counts.length} classes of ${b.width}: they are of other models.`,
    )
  }
  const { width } = a
  const scatter = a.scatter.map((value, at) => value + (b.scatter[at] as number))
  // Chan, Golub & LeVeque 1983: two means of one class lie n_a n_b / (n_a + n_b) (m_a - m_b)(m_a - m_b)^T apart.
  for (let unit = 0; unit < a.counts.length; unit++) {
    const [m, n] = [itemAt(a.counts, unit, 'class'), itemAt(b.counts, unit, 'class')]
    if (m === 0 || n === 0) continue
    const [one, other] = [classSum(a, unit), classSum(b, unit)]
    addOuterProduct(
      scatter,
      one.map((value, at) => value / m - (other[at] as number) / n),
      (m * n) / (m + n),
    )
  }
  return {
    counts: a.counts.map((count, unit) => count + (b.counts[unit] as number)),
    sums: a.sums.map((sum, at) => sum + (b.sums[at] as number)),
    scatter,
    width,
  }
}

/**
 * Sums in which each row counts `factor` times: so that many rows of one place do not drown few of another.
 *
 * @param factor Positive.
 */
export const weighedSums = ({ counts, sums, scatter, width }: FeatureSums, factor: number): FeatureSums => ({
  counts: counts.map((count) => count * factor),
  sums: sums.map((sum) => sum * factor),
  scatter: scatter.map((value) => value * factor),
  width,
})

/**
 * The same sums where classes have other places.
 *
 * @param places The new place of each class.
 * @param classes How many classes there are; those that no class is put to have no rows.
 * @example
 * const wider = sumsUnder(sums, placesOf(pack.classes, model.classes), model.classes.length)
 */
export function sumsUnder(
  { counts, sums, scatter, width }: FeatureSums,
  places: readonly number[],
  classes: number,
): FeatureSums {
  const moved = { counts: new Float64Array(classes), sums: new Float64Array(classes * width), scatter, width }
  for (const [unit, place] of places.entries()) {
    itemAt(moved.counts, place, 'class')
    moved.counts[place] = itemAt(counts, unit, 'class')
    moved.sums.set(sums.subarray(unit * width, (unit + 1) * width), place * width)
  }
  return moved
}

/**
 * The sums of the features f, of those of Relu(f R) where R begins with the identity, and with its negative where features pass twice.
 *
 * @param features How many there are, D.
 * @param passes 1 where f is never negative, f = Relu(f), or 2, f = Relu(f) - Relu(-f).
 */
export function plainSums(
  { counts, sums, scatter, width }: FeatureSums,
  { features, passes }: { readonly features: number; readonly passes: 1 | 2 },
): FeatureSums {
  const cell = (row: number, column: number): number =>
    scatter[Math.max(row, column) * width + Math.min(row, column)] as number
  const sum = (unit: number, at: number): number => sums[unit * width + at] as number
  const own = new Float64Array(counts.length * features)
  for (let unit = 0; unit < counts.length; unit++) {
    for (let at = 0; at < features; at++) {
      own[unit * features + at] = sum(unit, at) - (passes === 2 ? sum(unit, features + at) : 0)
    }
  }
  const plain = new Float64Array(features * features)
  for (let row = 0; row < features; row++) {
    for (let column = 0; column <= row; column++) {
      const [mirrored, beside] = [features + row, features + column]
      const less = passes === 2 ? cell(row, beside) + cell(mirrored, column) - cell(mirrored, beside) : 0
      plain[row * features + column] = cell(row, column) - less
    }
  }
  return { counts, sums: own, scatter: plain, width: features }
}

/** Sum of the features of one class, [width]. */
export const classSum = ({ sums, width }: ClassSums, unit: number): Float64Array =>
  sums.subarray(unit * width, (unit + 1) * width)

/** matrix += factor v v^T, in the lower triangle. */
export function addOuterProduct(matrix: Float64Array, v: Float64Array, factor: number): void {
  const width = v.length
  for (let row = 0; row < width; row++) {
    const scaled = factor * (v[row] as number)
    const at = row * width
    for (let column = 0; column <= row; column++) {
      matrix[at + column] = (matrix[at + column] as number) + scaled * (v[column] as number)
    }
  }
}
