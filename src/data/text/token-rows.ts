import { sizeOf, type Tensor } from '../../tensor/tensor.ts'

/** Token ids of one row, special tokens included, not yet filled up. */
export interface TokenRow {
  readonly ids: Int32Array
  /** For each id the word it is the first piece of, else -1. Of texts that came as words only. */
  readonly words?: Int32Array
  /** How many ids the text lost, as it was longer than was asked for. */
  readonly lost?: number
}

/**
 * The length that rows are brought to where none is asked for: that of the longest, rounded up to a multiple of 8 (so that data
 * sets of much the same texts have one length), at most `limit`.
 */
export function rowLength(rows: readonly TokenRow[], limit = Number.POSITIVE_INFINITY): number {
  const longest = rows.reduce((length, { ids }) => Math.max(length, ids.length), 1)
  return Math.min(limit, Math.ceil(longest / 8) * 8)
}

/** Rows of one length as int64 [N, length], filled up on the right. */
export function padRows(rows: readonly TokenRow[], length: number, pad: number): Tensor<'int64'> {
  const dims = [rows.length, length]
  const data = new BigInt64Array(sizeOf(dims)).fill(BigInt(pad))
  for (const [row, { ids }] of rows.entries()) {
    for (let at = 0; at < Math.min(ids.length, length); at++) data[row * length + at] = BigInt(ids[at] ?? pad)
  }
  return { type: 'int64', dims, data }
}
