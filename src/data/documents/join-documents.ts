import { UsageError } from '../../errors.ts'
import type { TextTokenizer } from '../text/index.ts'
import type { TokenDocument } from './document.ts'
import { tokensIn } from './empty-documents.ts'

/**
 * All documents as one, one after another, as GPT models are trained. Where the tokenizer sets no special tokens around texts, the
 * token that ends texts stands behind each; it is learned where the document's last token is. The first token of a document counts,
 * as something is before it now, but not a token that only begins a text.
 *
 * @throws UsageError `pack-end-missing` where there is no such token.
 */
export function joinDocuments(
  documents: readonly TokenDocument[],
  { eos, frame }: Pick<TextTokenizer, 'eos' | 'frame'>,
): TokenDocument {
  const framed = frame.before.length + frame.after.length > 0
  if (!framed && eos === undefined) {
    throw new UsageError(
      'pack-end-missing',
      'To join documents a token has to end each, and the tokenizer names none. Name it in tokenizer_config.json ("eos_token": "..."), or pack by documents (pack).',
    )
  }
  const parts = documents.map(({ ids, learned }) => {
    const counts = learned ? Uint8Array.from(learned) : new Uint8Array(ids.length).fill(1)
    if (frame.before.includes(ids[0] ?? -1)) counts[0] = 0
    if (framed || eos === undefined || ids.at(-1) === eos) return { ids, counts }
    return { ids: extended(ids, eos), counts: extended(counts, counts.at(-1) ?? 0) }
  })
  const total = tokensIn(parts)
  const joined = { ids: new Int32Array(total), counts: new Uint8Array(total) }
  let at = 0
  for (const { ids, counts } of parts) {
    joined.ids.set(ids, at)
    joined.counts.set(counts, at)
    at += ids.length
  }
  return {
    place: documents[0]?.place ?? 'no documents',
    ids: joined.ids,
    learned: joined.counts,
    bytes: documents.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

/** Not by spreading: a document may have more tokens than a call has arguments. */
function extended<T extends Int32Array | Uint8Array>(list: T, last: number): T {
  const longer = new (list.constructor as new (length: number) => T)(list.length + 1)
  longer.set(list)
  longer[list.length] = last
  return longer
}
