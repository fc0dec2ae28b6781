import type { TokenDocument } from './document.ts'
import { type PackedDocuments, type PackOptions, packDocuments } from './pack-documents.ts'
import { packingNotes } from './packing-notes.ts'

export interface PackNotedOptions extends PackOptions {
  /** What messages and notes call the documents. */
  readonly place: string
  /** Whether the rows are trained on. */
  readonly training: boolean
}

/**
 * {@link packDocuments}, and what became of the tokens in words.
 *
 * @throws What {@link packDocuments} throws.
 */
export function packNoted(
  documents: readonly TokenDocument[],
  options: PackNotedOptions,
): PackedDocuments & { readonly notes: readonly string[] } {
  const { pack, place, training } = options
  const packed = packDocuments(documents, options)
  return { ...packed, notes: packingNotes(packed, place, documents.length, { pack, training }) }
}
