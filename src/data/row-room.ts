import type { Tensor } from '../tensor/tensor.ts'
import { concatenateRows, rowCount } from './rows.ts'
import { sourceOf } from './spilled.ts'

/** Memory that the rows of several parts are put into, one after another, so that they need not be copied together. */
export interface RowRoom {
  /**
   * Memory for `count` rows.
   *
   * @param total How many rows there will be in all, at least, where that is known.
   */
  readonly take: (total: number | undefined, count: number, rowBytes: number) => Uint8Array<ArrayBuffer>
  /** Says how many bytes of the last piece were used. */
  readonly fill: (bytes: number) => void
}

/** Told how many rows of how many bytes there will be, before memory is taken for them: whether they get memory together. May throw. */
export type RowsExpected = (rows: number | undefined, rowBytes: number) => boolean

/** @param expect Where all rows are held at a time. Without it each piece has memory of its own, and may be let go alone. */
export function rowRoom(expect: RowsExpected | undefined): RowRoom {
  let block = new Uint8Array()
  let used = 0
  return {
    take: (total, count, rowBytes) => {
      const bytes = count * rowBytes
      if (!expect) return new Uint8Array(bytes)
      if (used + bytes > block.length) {
        if (!expect(total, rowBytes)) return new Uint8Array(bytes)
        block = new Uint8Array(Math.max(bytes, (total ?? 0) * rowBytes))
        used = 0
      }
      return block.subarray(used, used + bytes)
    },
    fill: (bytes) => {
      if (used + bytes <= block.length) used += bytes
    },
  }
}

/** One tensor with the rows of all, in order: where they lie one after another in memory already, that memory, and no copy. */
export function inOneRoom(tensors: readonly Tensor[]): Tensor {
  const [first, ...others] = tensors
  if (first?.type !== 'uint8' || tensors.some(sourceOf)) return concatenateRows(tensors)
  const { buffer, byteOffset, BYTES_PER_ELEMENT } = first.data as Uint8Array<ArrayBuffer>
  let end = byteOffset + first.data.length * BYTES_PER_ELEMENT
  for (const { type, data, dims } of others) {
    const bytes = data as Uint8Array
    const same = type === 'uint8' && dims.slice(1).join() === first.dims.slice(1).join()
    if (!same || bytes.buffer !== buffer || bytes.byteOffset !== end) return concatenateRows(tensors)
    end += bytes.length
  }
  const rows = tensors.reduce((sum, tensor) => sum + rowCount(tensor), 0)
  return {
    type: 'uint8',
    dims: [rows, ...first.dims.slice(1)],
    data: new Uint8Array(buffer, byteOffset, end - byteOffset),
  }
}
