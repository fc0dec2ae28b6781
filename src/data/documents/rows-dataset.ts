import { itemAt } from '../../required.ts'
import { asStored, createDataset, type Dataset, ignoredLabel, type RowDocuments } from '../dataset.ts'
import type { TokenDocument } from './document.ts'
import { tokensThatCount } from './empty-documents.ts'
import type { Window } from './windows.ts'

/** A row of a document. */
export interface Row {
  readonly document: TokenDocument
  /** The document's number. */
  readonly of: number
  readonly window: Window
  /** How many tokens count in it. */
  readonly counting: number
}

/** Rows as token ids and the tokens that come after them. */
export function rowsDataset(
  rows: readonly Row[],
  {
    name,
    length,
    vocabulary,
    filler,
  }: {
    readonly name: string
    readonly length: number
    readonly vocabulary: number
    readonly filler: number
  },
): Dataset {
  const dims = [rows.length, length]
  const ids = new BigInt64Array(rows.length * length).fill(BigInt(filler))
  const labels = new Int32Array(rows.length * length).fill(ignoredLabel)
  for (const [row, { document, window }] of rows.entries()) {
    const { start, size, from } = window
    for (let at = 0; at < size; at++) {
      ids[row * length + at] = BigInt(itemAt(document.ids, start + at, 'token'))
      const next = start + at + 1
      if (next < from || document.learned?.[next] === 0) continue
      labels[row * length + at] = itemAt(document.ids, next, 'token')
    }
  }
  return createDataset({
    name,
    kind: 'token-classification',
    inputs: { type: 'int64', dims, data: ids },
    labels: { type: 'int32', dims, data: labels },
    classes: Array.from({ length: vocabulary }, (_, token) => String(token)),
    preprocessing: asStored,
    causal: true,
  })
}

/** Which document each row is of, with the document's bytes shared out by the tokens that count. */
export function rowDocuments(rows: readonly Row[], documents: readonly TokenDocument[]): RowDocuments {
  const bytes = new Float64Array(rows.length)
  let [last, counted, given] = [-1, 0, 0]
  for (const [row, { document, of, counting }] of rows.entries()) {
    if (of !== last) [last, counted, given] = [of, 0, 0]
    counted += counting
    // What is due so far, less what is given: no byte is lost in rounding.
    const due = Math.round((document.bytes * counted) / tokensThatCount(document))
    bytes[row] = due - given
    given = due
  }
  return {
    of: Int32Array.from(rows, ({ of }) => of),
    bytes,
    names: documents.map(({ place }) => place),
  }
}
