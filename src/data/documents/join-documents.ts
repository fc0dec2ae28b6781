import { UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { partAt, type Spill } from '../spilled.ts'
import type { TextTokenizer } from '../text/index.ts'
import type { TokenDocument } from './document.ts'
import { isMarked, ReadDocument, spillOf, type TokenSpan, tokenCount, tokenSpan } from './token-span.ts'

type Around = Pick<TextTokenizer, 'eos' | 'frame'>

/**
 * All documents as one, one after another, as GPT models are trained. Where the tokenizer sets no special tokens around texts, the
 * token that ends texts stands behind each; it is learned where the document's last token is. The first token of a document counts,
 * as something is before it now, but not a token that only begins a text.
 *
 * @throws UsageError `pack-end-missing` where there is no such token.
 */
export function joinDocuments(documents: readonly TokenDocument[], around: Around): ReadDocument {
  const framed = around.frame.before.length + around.frame.after.length > 0
  if (!framed && around.eos === undefined) {
    throw new UsageError(
      'pack-end-missing',
      'To join documents a token has to end each, and the tokenizer names none. Name it in tokenizer_config.json ("eos_token": "..."), or pack by documents (pack).',
    )
  }
  const ends = new Float64Array(documents.length)
  let tokens = 0
  for (const [at, document] of documents.entries()) {
    const own = tokenCount(document)
    const ended = framed || (own > 0 && tokenSpan(document, own - 1, own).ids[0] === around.eos)
    tokens += ended ? own : own + 1
    ends[at] = tokens
  }
  return new JoinedDocuments(documents, ends, around)
}

class JoinedDocuments extends ReadDocument {
  readonly place: string
  readonly bytes: number
  readonly tokens: number
  readonly marked = true
  readonly spill: Spill | undefined
  readonly #documents: readonly TokenDocument[]
  readonly #ends: Float64Array
  readonly #around: Around

  /** @param ends How many tokens there are up to the end of each, the one that ends it among them. */
  constructor(documents: readonly TokenDocument[], ends: Float64Array, around: Around) {
    super()
    this.#documents = documents
    this.#ends = ends
    this.#around = around
    this.place = documents[0]?.place ?? 'no documents'
    this.bytes = documents.reduce((sum, { bytes }) => sum + bytes, 0)
    this.tokens = ends.at(-1) ?? 0
    this.spill = spillOf(documents)
  }

  span(from: number, to: number): TokenSpan {
    const ids = new Int32Array(to - from)
    const learned = new Uint8Array(to - from).fill(1)
    const { frame, eos = -1 } = this.#around
    for (let at = from; at < to; ) {
      const place = partAt(this.#ends, at)
      const begin = place === 0 ? 0 : itemAt(this.#ends, place - 1, 'end')
      const until = Math.min(to, itemAt(this.#ends, place, 'end'))
      const document = itemAt(this.#documents, place, 'document')
      const own = tokenCount(document)
      const found = tokenSpan(document, at - begin, Math.min(until - begin, own))
      ids.set(found.ids, at - from)
      if (found.learned) learned.set(found.learned, at - from)
      if (at === begin && frame.before.includes(found.ids[0] ?? -1)) learned[at - from] = 0
      if (until - begin > own) {
        ids[until - 1 - from] = eos
        learned[until - 1 - from] = lastMark(document, own)
      }
      at = until
    }
    return { ids, learned }
  }
}

/** Whether the last of a document's tokens counts. */
function lastMark(document: TokenDocument, tokens: number): number {
  if (tokens === 0) return 0
  return isMarked(document) ? (tokenSpan(document, tokens - 1, tokens).learned?.[0] ?? 1) : 1
}
