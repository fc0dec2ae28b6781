import { product, rowOf } from './classifier.ts'

/** [rows, width] as [width, rows]. */
export function transposed(matrix: Float64Array, rows: number, width: number): Float64Array {
  const turned = new Float64Array(matrix.length)
  for (let row = 0; row < rows; row++) {
    for (let at = 0; at < width; at++) turned[at * rows + row] = matrix[row * width + at] as number
  }
  return turned
}

/**
 * Cholesky's L with A = L L', [n, n].
 *
 * @param pivot What is taken for the square on the diagonal, of what is left of it and what it was. Default: nothing where there is as good as
 * nothing left, so that a column without anything left is zeros: more logits than features have a covariance without full rank.
 */
export function squareRoot(
  matrix: Float64Array,
  size: number,
  pivot = (left: number, own: number): number => (left > 1e-10 * own ? left : 0),
): Float64Array {
  const root = new Float64Array(size * size)
  for (let row = 0; row < size; row++) {
    const own = rowOf(root, row, size)
    for (let column = 0; column <= row; column++) {
      const other = rowOf(root, column, size)
      const left = (matrix[row * size + column] as number) - product(other.subarray(0, column), own)
      if (column < row) {
        const divisor = other[column] as number
        own[column] = divisor > 0 ? left / divisor : 0
      } else own[column] = Math.sqrt(pivot(left, matrix[row * size + row] as number))
    }
  }
  return root
}

/** The inverse of a symmetric matrix [n, n] of which no eigenvalue is below 1, by Cholesky's L with A = L L'. */
export function inverseOf(matrix: Float64Array, size: number): Float64Array {
  // What is left of the diagonal of such a matrix is never below 1 but by rounding.
  const root = squareRoot(matrix, size, (left) => Math.max(1, left))
  const inverse = new Float64Array(size * size)
  const column = new Float64Array(size)
  for (let unit = 0; unit < size; unit++) {
    for (let row = 0; row < size; row++) {
      const own = rowOf(root, row, size)
      let left = row === unit ? 1 : 0
      for (let at = unit; at < row; at++) left -= (own[at] as number) * (column[at] as number)
      column[row] = row < unit ? 0 : left / (own[row] as number)
    }
    for (let row = size - 1; row >= 0; row--) {
      let left = column[row] as number
      for (let at = row + 1; at < size; at++)
        left -= (root[at * size + row] as number) * (column[at] as number)
      column[row] = left / (root[row * size + row] as number)
    }
    inverse.set(column, unit * size)
  }
  return inverse
}
