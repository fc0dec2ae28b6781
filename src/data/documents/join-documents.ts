import { UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { partAt, type Spill } from '../spilled.ts'
import type { TextTokenizer } from '../text/index.ts'
import type { TokenDocument } from './document.ts'
import { ReadDocument, spillOf, type TokenSpan, tokenCount, tokenSpan } from './token-span.ts'

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
    const learned = new Uint8Array(to - from)
    for (let at = from; at < to; ) {
      const place = partAt(this.#ends, at)
      const begin = place === 0 ? 0 : itemAt(this.#ends, place - 1, 'end')
      const until = Math.min(to, itemAt(this.#ends, place, 'end'))
      const part = this.#partOf(itemAt(this.#documents, place, 'document'), at - begin, until - begin)
      ids.set(part.ids, at - from)
      learned.set(part.learned, at - from)
      at = until
    }
    return { ids, learned }
  }

  /** Tokens of a document with the one behind it. */
  #partOf(document: TokenDocument, from: number, to: number) {
    const own = tokenCount(document)
    const { frame, eos = -1 } = this.#around
    const ended = to > own
    // The mark of its end is that of its last token.
    const first = Math.min(from, Math.max(0, own - 1))
    const found = tokenSpan(document, first, Math.min(to, own))
    const counts = found.learned ? Uint8Array.from(found.learned) : new Uint8Array(found.ids.length).fill(1)
    if (from === 0 && frame.before.includes(found.ids[0] ?? -1)) counts[0] = 0
    if (!ended) return { ids: found.ids, learned: counts }
    return {
      ids: extended(found.ids, eos).subarray(from - first),
      learned: extended(counts, counts.at(-1) ?? 0).subarray(from - first),
    }
  }
}

/** Not by spreading: a document may have more tokens than a call has arguments. */
function extended<T extends Int32Array | Uint8Array>(list: T, last: number): T {
  const longer = new (list.constructor as new (length: number) => T)(list.length + 1)
  longer.set(list)
  longer[list.length] = last
  return longer
}
