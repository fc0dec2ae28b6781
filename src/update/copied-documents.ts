import { count } from '../count.ts'
import type { Dataset } from '../data/dataset.ts'
import { rowChunks } from '../data/row-chunks.ts'
import { bytesOf, rowBytesOf, rowCount } from '../data/rows.ts'
import { sha256 } from '../data/sha256.ts'
import { itemAt } from '../required.ts'

/**
 * Documents that say what an earlier one says, by what they are called: the name of that one. They are told by their tokens, and by which
 * of them count. Drawn twice, a text is no second draw: it says nothing of how different texts are.
 *
 * @param dataset Rows of texts; those that know no documents have no copies.
 */
export function copiedDocuments({ inputs, labels, documents }: Dataset): ReadonlyMap<string, string> {
  const copies = new Map<string, string>()
  if (!documents) return copies
  const hashes = new Map<number, ReturnType<typeof sha256>>()
  // What stands there, and then which of it counts.
  for (const tensor of [inputs, labels]) {
    for (const { from, rows } of rowChunks(tensor)) {
      const [bytes, width] = [bytesOf(rows), rowBytesOf(rows)]
      for (let row = 0; row < rowCount(rows); row++) {
        const document = itemAt(documents.of, from + row, 'row')
        const hash = hashes.get(document) ?? sha256()
        hashes.set(document, hash.update(bytes.subarray(row * width, (row + 1) * width)))
      }
    }
  }
  const first = new Map<string, number>()
  for (const [document, hash] of hashes) {
    const key = hash.hex()
    const earlier = first.get(key)
    const nameOf = (at: number) => itemAt(documents.names, at, 'document')
    if (earlier === undefined) first.set(key, document)
    else copies.set(nameOf(document), nameOf(earlier))
  }
  return copies
}

/** What is said of copies among documents that are measured on; nothing where there are none. */
export const copiesWords = (copies: number, all: number): readonly string[] =>
  copies === 0
    ? []
    : [
        `${copies.toLocaleString('en-US')} of ${count(all, 'document')} ${copies === 1 ? 'is a copy' : 'are copies'} of others, to the last token: each text counts once, in scores and bounds.`,
      ]
