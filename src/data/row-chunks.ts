import type { DType, Tensor } from '../tensor/tensor.ts'
import { rowBytesOf, rowCount, takeRows } from './rows.ts'
import { sourceOf } from './spilled.ts'

/** Bytes of rows that are read from disk at a time. */
const CHUNK = 2 ** 24

/** Rows from some row on. */
export interface RowChunk<T extends DType = DType> {
  readonly from: number
  readonly rows: Tensor<T>
}

/** All rows in order, in pieces that are in memory: one piece where all are. */
export function* rowChunks<T extends DType>(tensor: Tensor<T>): Generator<RowChunk<T>> {
  if (!sourceOf(tensor)) {
    yield { from: 0, rows: tensor }
    return
  }
  const rows = rowCount(tensor)
  const most = rowsWithin(tensor, CHUNK)
  for (let from = 0; from < rows; from += most) {
    const count = Math.min(most, rows - from)
    yield {
      from,
      rows: takeRows(
        tensor,
        Int32Array.from({ length: count }, (_, at) => from + at),
      ),
    }
  }
}

/** How many rows so many bytes hold, at least one. */
export const rowsWithin = (tensor: Pick<Tensor, 'type' | 'dims'>, bytes: number): number =>
  tensor.type === 'string' ? rowCount(tensor as Tensor) : Math.max(1, Math.floor(bytes / rowBytesOf(tensor)))
