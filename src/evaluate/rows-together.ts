import type { Dataset } from '../data/dataset.ts'
import { byLength, type RowsOfLength } from '../data/row-lengths.ts'
import { statedLength } from '../model/language.ts'
import type { Model } from '../model/model.ts'

/** The rows of a data set that a model reads together, by how far; all in one length where its file fixes that. */
export const rowsTogether = (model: Model, dataset: Dataset): readonly RowsOfLength[] =>
  byLength(statedLength(model) === undefined ? dataset : { ...dataset, causal: false })

/**
 * Puts what was made of some rows where each of them begins in a table of all, whose rows may be longer.
 *
 * @param width Numbers of a row of the table.
 * @param rows Which rows of it, int32 [n].
 * @param made As many numbers for each of them.
 */
export function putRows<T extends Int32Array | Float32Array>(
  table: T,
  width: number,
  rows: Int32Array,
  made: T,
): void {
  const own = made.length / rows.length
  for (const [at, row] of rows.entries()) table.set(made.subarray(at * own, (at + 1) * own), row * width)
}
