import type { TextTokenizer } from '../text/index.ts'
import type { TokenDocument } from './document.ts'
import { atPlace, type WrittenDocument } from './write-document.ts'

const utf8 = new TextEncoder()
const bytesIn = (text: string): number => utf8.encode(text).length

/**
 * The tokens of a document. Its text is tokenized whole, as it will be read; a token that reaches into what counts, counts. The first
 * token of all never counts, as nothing is before it: without a token for the beginning of a text its bytes do not count either.
 *
 * @throws DataError `token-unknown`.
 */
export function tokenDocument(document: WrittenDocument, tokenizer: TextTokenizer): TokenDocument {
  const { place, parts, framed, ends } = document
  const text = parts.map((part) => part.text).join('')
  const ids = atPlace(place, () => tokenizer.ids(text))
  const { before, after } = framed && text !== '' ? tokenizer.frame : { before: [], after: [] }
  const { eos } = tokenizer
  const open = ends && text !== '' && eos !== undefined && !after.includes(eos)
  const closing = open ? [...after, eos] : after
  const all = Int32Array.from([...before, ...ids, ...closing])
  const own = ownTokens(parts, ids, tokenizer)
  const counts = new Uint8Array(all.length)
  counts.set(own, before.length)
  counts.fill(parts.at(-1)?.own ? 1 : 0, all.length - closing.length)
  const [first] = ids
  const lost = before.length === 0 && own[0] === 1 && first !== undefined ? tokenizer.bytesOf(first) : 0
  const bytes = ownBytes(parts, ids, own, tokenizer) - lost
  const whole = counts.subarray(1).every((one) => one === 1)
  return { place, ids: all, bytes, ...(whole ? {} : { learned: counts }) }
}

type Parts = WrittenDocument['parts']

function ownTokens(parts: Parts, ids: readonly number[], tokenizer: TextTokenizer): Uint8Array {
  const counts = new Uint8Array(ids.length)
  let at = 0
  for (const { border, own } of borders(parts, ids, tokenizer)) {
    if (own) counts.fill(1, at, border)
    at = border
  }
  return counts
}

/** Where each part ends among the tokens of the whole text. */
function borders(
  parts: Parts,
  ids: readonly number[],
  tokenizer: TextTokenizer,
): readonly { readonly border: number; readonly own: boolean }[] {
  if (parts.length === 1) return parts.map(({ own }) => ({ border: ids.length, own }))
  const pieces = parts.map(({ text, own }) => ({ ids: tokenizer.ids(text), own }))
  const joined = pieces.flatMap((piece) => piece.ids)
  let at = 0
  if (joined.length === ids.length && joined.every((id, place) => id === ids[place])) {
    return pieces.map((piece) => {
      at += piece.ids.length
      return { border: at, own: piece.own }
    })
  }
  // The parts tokenized alone give other tokens at their ends: a border is where the text up to it and the whole text part.
  let text = ''
  return parts.map((part, index) => {
    text += part.text
    const border = index === parts.length - 1 ? ids.length : alike(tokenizer.ids(text), ids)
    return { border, own: part.own }
  })
}

/** How many tokens two texts begin with alike. */
function alike(a: readonly number[], b: readonly number[]): number {
  const differ = a.findIndex((id, at) => id !== b[at])
  return differ < 0 ? a.length : differ
}

/** Bytes of the text that counts, without that of special tokens. */
function ownBytes(parts: Parts, ids: readonly number[], own: Uint8Array, tokenizer: TextTokenizer): number {
  const written = parts.reduce((sum, part) => sum + (part.own ? bytesIn(part.text) : 0), 0)
  const special = ids.filter((id, at) => own[at] === 1 && tokenizer.bytesOf(id) === 0)
  return special.reduce((left, id) => left - bytesIn(tokenizer.decode([id])), written)
}
