import { itemAt } from '../../required.ts'
import type { TokenDocument } from './document.ts'
import { isMarked, tokenCount, tokenSpan } from './token-span.ts'
import { type Window, windowCount, windows } from './windows.ts'

/** Which tokens rows of documents read, and which count: 20 bytes a row. */
export interface RowTable {
  /** Tokens of a row. */
  readonly length: number
  readonly documents: readonly TokenDocument[]
  /** The number of each row's document. */
  readonly of: Int32Array
  /** How many tokens count in it. */
  readonly counting: Int32Array
  readonly windowAt: (row: number) => Window
}

/** The rows of documents; those without anything to learn are left out. */
export function rowTable(documents: readonly TokenDocument[], length: number, overlap: number): RowTable {
  const most = documents.reduce(
    (sum, document) => sum + windowCount(tokenCount(document), length, overlap),
    0,
  )
  const of = new Int32Array(most)
  const counting = new Int32Array(most)
  const starts = new Float64Array(most)
  /** From a row's start on. */
  const firsts = new Int32Array(most)
  let rows = 0
  for (const [place, document] of documents.entries()) {
    for (const window of windows(tokenCount(document), length, overlap)) {
      const own = tokensThatCountWithin(document, window.from, window.start + window.size + 1)
      if (own === 0) continue
      of[rows] = place
      counting[rows] = own
      starts[rows] = window.start
      firsts[rows] = window.from - window.start
      rows++
    }
  }
  return {
    ...{ length, documents, of: of.subarray(0, rows), counting: counting.subarray(0, rows) },
    windowAt: (row) => {
      const start = itemAt(starts, row, 'row')
      const tokens = tokenCount(itemAt(documents, itemAt(of, row, 'row'), 'document'))
      const from = start + itemAt(firsts, row, 'row')
      return { start, size: Math.min(length, tokens - 1 - start), from }
    },
  }
}

/** How many tokens of a document count in the loss, from one place, behind the first token, to before another. */
export function tokensThatCountWithin(document: TokenDocument, from: number, to: number): number {
  if (!isMarked(document)) return to - from
  const { learned } = tokenSpan(document, from, to)
  return learned?.reduce((sum, one) => sum + one, 0) ?? 0
}
