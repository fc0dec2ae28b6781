import { memoryOf } from '../../tensor/bytes.ts'
import type { Spill } from '../spilled.ts'
import type { TokenDocument } from './document.ts'
import { ReadDocument, type TokenSpan } from './token-span.ts'

/** What a document takes beside its tokens. */
export const DOCUMENT_BYTES = 200

/** Bytes that are read at a time where rows are asked for in order; rows in no order are read one by one. */
const BLOCK = 2 ** 16

/**
 * Keeps documents as they are while memory has room for them, and the tokens of others on disk: 4 bytes a token, and one more in documents of
 * which some tokens do not count. Of these memory holds what they are called, and how much they are, whatever the limit.
 *
 * @example
 * const keep = documentKeeper(openSpill(2 ** 30))
 * const kept = keep(document)
 */
export function documentKeeper(spill: Spill): (document: TokenDocument) => TokenDocument {
  const store = openStore(spill)
  return (document) => {
    const { ids, learned } = document
    if (spill.reserve(ids.byteLength + (learned?.byteLength ?? 0) + DOCUMENT_BYTES)) return document
    spill.reserve(DOCUMENT_BYTES)
    const at = store.lay(memoryOf(ids))
    if (learned) store.lay(learned)
    return new LaidDocument(document, at, store)
  }
}

interface Store {
  readonly spill: Spill
  readonly lay: (bytes: Uint8Array) => number
  /** Fill `into`; ids and marks are looked for apart, as each is asked for in its own order. */
  readonly ids: (at: number, into: Uint8Array) => void
  readonly marks: (at: number, into: Uint8Array) => void
}

class LaidDocument extends ReadDocument {
  readonly place: string
  readonly bytes: number
  readonly tokens: number
  readonly marked: boolean
  readonly #at: number
  readonly #store: Store

  constructor({ place, bytes, ids, learned }: TokenDocument, at: number, store: Store) {
    super()
    this.place = place
    this.bytes = bytes
    this.tokens = ids.length
    this.marked = learned !== undefined
    this.#at = at
    this.#store = store
  }

  get spill(): Spill {
    return this.#store.spill
  }

  span(from: number, to: number): TokenSpan {
    const ids = new Int32Array(to - from)
    this.#store.ids(this.#at + 4 * from, memoryOf(ids))
    if (!this.marked) return { ids }
    const learned = new Uint8Array(to - from)
    this.#store.marks(this.#at + 4 * this.tokens + from, learned)
    return { ids, learned }
  }
}

function openStore(spill: Spill): Store {
  let end = 0
  const reader = (): Store['ids'] => {
    const room = new Uint8Array(BLOCK)
    let start = 0
    let length = 0
    return (at, into) => {
      if (into.length > BLOCK) {
        spill.read(at, into)
        return
      }
      if (at < start || at + into.length > start + length) {
        const behind = at - (start + length)
        const size = behind >= 0 && behind < BLOCK ? Math.min(BLOCK, end - at) : into.length
        // Where reading fails, the room holds nothing to be had.
        length = 0
        spill.read(at, room.subarray(0, size))
        start = at
        length = size
      }
      into.set(room.subarray(at - start, at - start + into.length))
    }
  }
  return {
    spill,
    lay: (bytes) => {
      const at = spill.lay(bytes)
      end = at + bytes.length
      return at
    },
    ids: reader(),
    marks: reader(),
  }
}
