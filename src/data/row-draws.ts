import type { Dataset } from './dataset.ts'
import { rowKeys } from './fingerprint.ts'

/**
 * What a draw decides. Each has its own part of a row's hash, so that one says nothing of another: `hold-out`, whether a
 * row is kept from training; `order`, whether an exemplar orders candidates or is rehearsed.
 */
export type DrawPurpose = 'hold-out' | 'order'

const words = { 'hold-out': 0, order: 2 } as const satisfies Record<DrawPurpose, number>

/**
 * A number from 0 to below 1 for each row, as if drawn at random, told by what the row's input says: the same row has the
 * same number in whatever data set it stands, in whatever order, beside whatever others, on every machine. How far token
 * ids are filled up makes no difference, nor does the label.
 *
 * @example
 * const heldOut = rowDraws(dataset, 'hold-out').map((draw) => (draw < 0.2 ? 1 : 0))
 */
export function rowDraws(
  dataset: Pick<Dataset, 'inputs' | 'preprocessing'>,
  purpose: DrawPurpose,
): Float64Array {
  const from = 8 * words[purpose]
  return Float64Array.from(
    rowKeys(dataset),
    (hash) => Number.parseInt(hash.slice(from, from + 8), 16) / 2 ** 32,
  )
}
