import type { Spill } from '../spilled.ts'
import type { TokenDocument } from './document.ts'

/** Tokens one after another, and which of them count: all where `learned` is left out. */
export type TokenSpan = Pick<TokenDocument, 'ids' | 'learned'>

/** A document whose tokens are read where they lie whenever some are asked for. Not to be spread: what it reads are no fields. */
export abstract class ReadDocument implements TokenDocument {
  abstract readonly place: string
  abstract readonly bytes: number
  /** How many tokens it has. */
  abstract readonly tokens: number
  /** Whether some tokens may not count. */
  abstract readonly marked: boolean
  /** Where what is made of it goes that memory has no room for; undefined where its tokens are in memory. */
  abstract readonly spill: Spill | undefined

  /** The tokens from one place to before another. */
  abstract span(from: number, to: number): TokenSpan

  get ids(): Int32Array {
    return this.span(0, this.tokens).ids
  }

  get learned(): Uint8Array | undefined {
    return this.marked ? this.span(0, this.tokens).learned : undefined
  }
}

type Named = Pick<TokenDocument, 'place' | 'bytes'>

/** A part of a document under a name of its own. */
class DocumentPart extends ReadDocument {
  readonly place: string
  readonly bytes: number
  readonly tokens: number
  readonly marked: boolean
  readonly #of: ReadDocument
  readonly #from: number

  constructor(of: ReadDocument, { place, bytes }: Named, from: number, to: number) {
    super()
    this.place = place
    this.bytes = bytes
    this.tokens = to - from
    this.marked = of.marked
    this.#of = of
    this.#from = from
  }

  get spill(): Spill | undefined {
    return this.#of.spill
  }

  span(from: number, to: number): TokenSpan {
    return this.#of.span(this.#from + from, this.#from + to)
  }
}

/** How many tokens a document has: none is read. */
export const tokenCount = (document: TokenDocument): number =>
  document instanceof ReadDocument ? document.tokens : document.ids.length

/** Some tokens of a document, those from one place to before another. */
export const tokenSpan = (document: TokenDocument, from: number, to: number): TokenSpan =>
  document instanceof ReadDocument
    ? document.span(from, to)
    : { ids: document.ids.subarray(from, to), learned: document.learned?.subarray(from, to) }

/** Where what is made of documents goes that memory has no room for; undefined where all their tokens are in memory. */
export function spillOf(documents: readonly TokenDocument[]): Spill | undefined {
  for (const document of documents)
    if (document instanceof ReadDocument && document.spill) return document.spill
  return undefined
}

/** Whether some tokens of a document may not count. */
export const isMarked = (document: TokenDocument): boolean =>
  document instanceof ReadDocument ? document.marked : document.learned !== undefined

/** Tokens that are read at a time. */
const CHUNK = 2 ** 16

/** All tokens of a document in order: in one piece where they are in memory. */
export function* tokenSpans(document: TokenSpan): Generator<TokenSpan> {
  if (!(document instanceof ReadDocument)) {
    yield document
    return
  }
  for (let from = 0; from < document.tokens; from += CHUNK)
    yield document.span(from, Math.min(document.tokens, from + CHUNK))
}

/** The same document under another name. */
export const renamedDocument = (document: TokenDocument, place: string): TokenDocument =>
  document instanceof ReadDocument
    ? new DocumentPart(document, { place, bytes: document.bytes }, 0, document.tokens)
    : { ...document, place }

/** A document with its tokens in memory, as it is where they are. */
export function documentInMemory(document: TokenDocument): TokenDocument {
  if (!(document instanceof ReadDocument)) return document
  const { place, bytes, tokens } = document
  return withMarks({ place, bytes }, document.span(0, tokens))
}

/** Marks are left out where all tokens count. */
function withMarks(named: Named, { ids, learned }: TokenSpan): TokenDocument {
  const whole = learned === undefined || learned.subarray(1).every((one) => one === 1)
  return { ...named, ids, ...(whole ? {} : { learned }) }
}

/** Some tokens of a document, as one; those of a document in memory are copied. */
export function documentPart(
  document: TokenDocument,
  { place, bytes }: Named,
  from: number,
  to: number,
): TokenDocument {
  if (document instanceof ReadDocument) return new DocumentPart(document, { place, bytes }, from, to)
  const span = { ids: document.ids.slice(from, to), learned: document.learned?.slice(from, to) }
  return withMarks({ place, bytes }, span)
}
