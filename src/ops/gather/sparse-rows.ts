import { int64, sizeOf } from '../../tensor/tensor.ts'
import { add, dimOf, type Emitter, filled, reshape, type SparseRows, type Value } from '../core/index.ts'

/** How many times more rows a tensor has than are added to it, from where on adding these alone is faster. */
const FEW = 2

/** The rows that `x` is zero but for, where they are few. */
export function fewRows(x: Value): SparseRows | undefined {
  return x.rows && FEW * dimOf(x.rows.places, 0) <= dimOf(x, 0) ? x.rows : undefined
}

/** `to` plus rows of its own dims: one copy of `to`, where a sum of both tensors would be read whole. */
export const addSparse = (emit: Emitter, to: Value, { places, values }: SparseRows): Value =>
  emit.op('ScatterND', [to, places, values], { reduction: 'add' })

/** a + b, by the rows of b where it is zero but for a few. */
export function addWhole(emit: Emitter, a: Value, b: Value): Value {
  const few = fewRows(b)
  return few ? addSparse(emit, a, few) : add(emit, a, b)
}

/**
 * The same sum with each row's values in one of the places where it comes, and zeros in the others: what is not linear, as a square, may
 * then be taken row by row. It works on a table of whole numbers, one a row of the tensor.
 *
 * @param count Rows of the tensor.
 */
export function summedRows(emit: Emitter, { places, values }: SparseRows, count: number): SparseRows {
  const rows = dimOf(places, 0)
  const flat = reshape(emit, places, [rows])
  const order = emit.constant(
    int64(
      [rows],
      Array.from({ length: rows }, (_, at) => at),
    ),
  )
  const table = filled(emit, 0, { name: '', type: 'int64', dims: [count] })
  // Of several that write into one place one stays, whichever; all then read the same.
  const chosen = emit.op('Gather', [emit.op('ScatterElements', [table, flat, order]), flat])
  const zeros = filled(emit, 0, { name: '', type: values.type, dims: values.dims })
  const sums =
    sizeOf(values.dims) === 0
      ? values
      : addSparse(emit, zeros, { places: reshape(emit, chosen, [rows, 1]), values })
  return { places, values: sums }
}
