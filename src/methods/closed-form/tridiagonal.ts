import { openTurns, type Turns } from '../../engine/turns.ts'

/**
 * A symmetric matrix A as Q T Q^T with T tridiagonal. (A + lambda I)^-1 is then a matter of n operations for every lambda, where a
 * decomposition for each would take n^3 / 3. What is multiplied by it is brought into the coordinates of T once.
 */
export interface Tridiagonal {
  readonly size: number
  /** Of T, [n]. */
  readonly diagonal: Float64Array
  /** Of T, between places i and i + 1, [n - 1]. */
  readonly beside: Float64Array
  /** Reflection i, I - factor_i u u^T, has the first i numbers of row i for u; [n, n]. */
  readonly reflections: Float64Array
  readonly factors: Float64Array
}

/**
 * Householder's reduction (Golub & Van Loan, Matrix Computations, 8.3.1), from the last row up, so that what is left always leads the
 * matrix. The update by one reflection and the product with the next go through the matrix together: it is read n times, not 2 n.
 *
 * @param matrix [n, n], of which the lower triangle is read; it is written over.
 * @throws TrainingError `interrupted`.
 */
export async function tridiagonalise(
  matrix: Float64Array,
  size: number,
  turn: Turns = openTurns(),
): Promise<Tridiagonal> {
  const diagonal = new Float64Array(size)
  const beside = new Float64Array(Math.max(0, size - 1))
  const factors = new Float64Array(size)
  const nothing = NOTHING * largestOnDiagonal(matrix, size)
  // A - v w^T - w v^T is what the reflection before leaves of A.
  let v: Float64Array = new Float64Array(size)
  let [w, product] = [new Float64Array(size), new Float64Array(size)]
  for (let last = size - 1; last >= 0; last--) {
    const row = matrix.subarray(last * size, last * size + last + 1)
    addToRow(row, v, w)
    diagonal[last] = row[last] as number
    if (last === 0) break
    const u = row.subarray(0, last)
    const factor = reflect(u, beside, nothing)
    factors[last] = factor
    updateAndMultiply({ matrix, size, v, w, u, product })
    const wait = turn()
    if (wait) await wait
    const along = 0.5 * factor * factor * dot(u, product)
    for (let at = 0; at < last; at++) {
      product[at] = factor * (product[at] as number) - along * (u[at] as number)
    }
    v = u
    ;[w, product] = [product, w]
  }
  return { size, diagonal, beside, reflections: matrix, factors }
}

/** Of the largest diagonal entry, what is nothing beside it: far below rounding, and its squares do not vanish. */
const NOTHING = 1e-30

function largestOnDiagonal(matrix: Float64Array, size: number): number {
  let largest = 0
  for (let at = 0; at < size; at++) largest = Math.max(largest, Math.abs(matrix[at * size + at] as number))
  return largest
}

/** row -= v_last w + w_last v, up to the diagonal. */
function addToRow(row: Float64Array, v: Float64Array, w: Float64Array): void {
  const last = row.length - 1
  const [one, other] = [v[last] as number, w[last] as number]
  for (let at = 0; at <= last; at++) {
    row[at] = (row[at] as number) - one * (w[at] as number) - other * (v[at] as number)
  }
}

/**
 * Makes of a row x the vector u whose reflection brings x to (0, ..., 0, corner), with the sign that loses no digits, and writes the corner
 * down.
 *
 * @param nothing A row no longer than this is one of zeros: what rounding leaves of features that are never there would have its squares
 * vanish, and be divided by them.
 * @returns 2 / |u|^2, or 0 where there is nothing to clear.
 */
function reflect(row: Float64Array, beside: Float64Array, nothing: number): number {
  const corner = row.length - 1
  const x = row[corner] as number
  const length = Math.sqrt(dot(row, row))
  if (length <= nothing || length === Math.abs(x)) {
    beside[corner] = length <= nothing ? 0 : x
    row.fill(0)
    return 0
  }
  const target = x > 0 ? -length : length
  beside[corner] = target
  row[corner] = x - target
  // |x - target e|^2 = 2 length (length + |x|)
  return 1 / (length * (length + Math.abs(x)))
}

/** A -= v w^T + w v^T, then product = A u, in the leading square that u goes along. */
function updateAndMultiply(step: {
  readonly matrix: Float64Array
  readonly size: number
  readonly v: Float64Array
  readonly w: Float64Array
  readonly u: Float64Array
  readonly product: Float64Array
}): void {
  const { matrix, size, v, w, u, product } = step
  for (let row = 0; row < u.length; row++) {
    const at = row * size
    const [one, other, along] = [v[row] as number, w[row] as number, u[row] as number]
    let sum = 0
    for (let column = 0; column < row; column++) {
      const value =
        (matrix[at + column] as number) - one * (w[column] as number) - other * (v[column] as number)
      matrix[at + column] = value
      sum += value * (u[column] as number)
      product[column] = (product[column] as number) + value * along
    }
    const value = (matrix[at + row] as number) - 2 * one * other
    matrix[at + row] = value
    product[row] = sum + value * along
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number)
  return sum
}

/** Q^T x in place: x in the coordinates of T. */
export function toTridiagonal({ size, reflections, factors }: Tridiagonal, x: Float64Array): void {
  for (let at = size - 1; at > 0; at--)
    mirror(x, reflections.subarray(at * size, at * size + at), factors[at] as number)
}

/** Q x in place: back from the coordinates of T. */
export function fromTridiagonal({ size, reflections, factors }: Tridiagonal, x: Float64Array): void {
  for (let at = 1; at < size; at++)
    mirror(x, reflections.subarray(at * size, at * size + at), factors[at] as number)
}

/** x -= factor u (u . x) */
function mirror(x: Float64Array, u: Float64Array, factor: number): void {
  if (factor === 0) return
  const along = factor * dot(u, x)
  for (let at = 0; at < u.length; at++) x[at] = (x[at] as number) - along * (u[at] as number)
}

/** T + lambda I, factored: what it is to be divided by. */
export interface Shifted {
  /** (T + lambda I)^-1 x */
  solve(x: Float64Array): Float64Array
  /** The trace of (T + lambda I)^-1. */
  inverseTrace(): number
}

/**
 * Factors T + lambda I as L D L^T.
 *
 * @returns undefined where it is not positive definite.
 */
export function shifted({ size, diagonal, beside }: Tridiagonal, lambda: number): Shifted | undefined {
  const pivots = new Float64Array(size)
  for (let at = 0; at < size; at++) {
    const before = at === 0 ? 0 : (beside[at - 1] as number) ** 2 / (pivots[at - 1] as number)
    const pivot = (diagonal[at] as number) + lambda - before
    if (!(pivot > 0)) return undefined
    pivots[at] = pivot
  }
  return {
    solve: (x) => {
      const y = x.slice()
      for (let at = 1; at < size; at++) {
        y[at] =
          (y[at] as number) -
          ((beside[at - 1] as number) / (pivots[at - 1] as number)) * (y[at - 1] as number)
      }
      for (let at = size - 1; at >= 0; at--) {
        const after = at === size - 1 ? 0 : (beside[at] as number) * (y[at + 1] as number)
        y[at] = ((y[at] as number) - after) / (pivots[at] as number)
      }
      return y
    },
    inverseTrace: () => {
      // Place i of the inverse's diagonal is 1 / (pivot from above + pivot from below - t_ii).
      let trace = 0
      let below = Number.POSITIVE_INFINITY
      for (let at = size - 1; at >= 0; at--) {
        const own = (diagonal[at] as number) + lambda
        below = own - (at === size - 1 ? 0 : (beside[at] as number) ** 2 / below)
        trace += 1 / ((pivots[at] as number) + below - own)
      }
      return trace
    },
  }
}
