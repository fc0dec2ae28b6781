import { memoryOf } from '../../tensor/bytes.ts'
import { sha256 } from '../sha256.ts'
import type { TokenDocument } from './document.ts'
import { isMarked, tokenCount, tokenSpans } from './token-span.ts'

/** The SHA-256 of a document's tokens: equal where these are, whatever counts of them. */
export function documentKey(document: Pick<TokenDocument, 'ids'>): string {
  const hash = sha256()
  for (const { ids } of tokenSpans(document)) hash.update(memoryOf(ids))
  return hash.hex()
}

/**
 * Documents whose tokens are not among `others` and did not come earlier, in their order.
 *
 * @param keyOf What tells them, where it is known already: hashes of long documents take long.
 */
export function unseenDocuments(
  documents: readonly TokenDocument[],
  others: Iterable<TokenDocument> = [],
  keyOf: (document: TokenDocument) => string = documentKey,
): readonly TokenDocument[] {
  const seen = new Set(Array.from(others, keyOf))
  return documents.filter((document) => {
    const key = keyOf(document)
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

/** The SHA-256 of documents: their tokens, and what counts of them; not what they are called. */
export function documentsFingerprint(documents: readonly TokenDocument[]): string {
  const hash = sha256().update(`holdfast documents ${documents.length}\n`)
  for (const document of documents) {
    hash.update(`${tokenCount(document)} ${isMarked(document) ? 'some' : 'all'}\n`)
    for (const { ids } of tokenSpans(document)) hash.update(memoryOf(ids))
    for (const { learned } of tokenSpans(document)) if (learned) hash.update(learned)
  }
  return hash.hex()
}
