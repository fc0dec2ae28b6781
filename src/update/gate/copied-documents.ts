import type { Dataset } from '../../data/dataset.ts'
import { sha256 } from '../../data/sha256.ts'
import { itemAt } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'

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
  for (const [row, document] of documents.of.entries()) {
    const hash = hashes.get(document) ?? sha256()
    hashes.set(document, hash.update(rowBytes(inputs, row)).update(rowBytes(labels, row)))
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

function rowBytes({ dims, data }: Tensor, row: number): Uint8Array {
  const [, width = 0] = dims
  const { buffer, byteOffset, byteLength } = (data as Int32Array).subarray(row * width, (row + 1) * width)
  return new Uint8Array(buffer, byteOffset, byteLength)
}
