import { zeros } from '../tensor/bytes.ts'
import { type DType, type Storage, sizeOf, type Tensor } from '../tensor/tensor.ts'
import { copyRows, rowBytesOf, rowCount } from './rows.ts'
import { sourceOf } from './spilled.ts'

/** Bytes of rows that are read from disk at a time. */
const CHUNK = 2 ** 24

/** Rows from some row on. */
export interface RowChunk<T extends DType = DType> {
  readonly from: number
  readonly rows: Tensor<T>
}

/** All rows in order, in pieces that are in memory: one piece where all are. Else the next piece is written over the one before. */
export function* rowChunks<T extends DType>(tensor: Tensor<T>): Generator<RowChunk<T>> {
  if (!sourceOf(tensor)) {
    yield { from: 0, rows: tensor }
    return
  }
  const { type, dims } = tensor
  const row = dims.slice(1)
  const rows = rowCount(tensor)
  const most = Math.min(rows, rowsWithin(tensor, CHUNK))
  const room = zeros(type, [most, ...row]).data as Exclude<Storage[DType], string[]>
  for (let from = 0; from < rows; from += most) {
    const count = Math.min(most, rows - from)
    const data = room.subarray(0, count * sizeOf(row)) as Storage[T]
    const part: Tensor<T> = { type, dims: [count, ...row], data }
    const places = Int32Array.from({ length: count }, (_, at) => from + at)
    copyRows(tensor, places, part, 0)
    yield { from, rows: part }
  }
}

/** How many rows so many bytes hold, at least one. */
export const rowsWithin = (tensor: Pick<Tensor, 'type' | 'dims'>, bytes: number): number =>
  tensor.type === 'string' ? rowCount(tensor as Tensor) : Math.max(1, Math.floor(bytes / rowBytesOf(tensor)))
