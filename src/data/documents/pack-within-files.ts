import { memoryLimit } from '../memory-limit-node.ts'
import type { TokenDocument } from './document.ts'
import { type PackedDocuments, type PackOptions, packDocuments } from './pack-documents.ts'
import { packingNotes } from './packing-notes.ts'

export interface PackWithinOptions extends PackOptions {
  /** What messages and notes call the documents. */
  readonly place: string
  readonly maxBytes: number | undefined
  /** Whether the rows are trained on. */
  readonly training: boolean
}

/**
 * {@link packDocuments}, once the rows are known to fit, and what became of the tokens in words.
 *
 * @throws DataError `data-too-large` before rows are made; and what {@link packDocuments} throws.
 */
export function packWithin(
  documents: readonly TokenDocument[],
  options: PackWithinOptions,
): PackedDocuments & { readonly notes: readonly string[] } {
  const { length, overlap = 0, pack, place, maxBytes, training } = options
  const step = Math.max(1, length - overlap)
  const most = documents.reduce((sum, { ids }) => sum + Math.ceil(ids.length / step), 0)
  // An id of 8 bytes and a label of 4.
  memoryLimit(maxBytes, place).expect(pack === 'joined' ? undefined : most, 12 * length)
  const packed = packDocuments(documents, options)
  return { ...packed, notes: packingNotes(packed, place, documents.length, { pack, training }) }
}
