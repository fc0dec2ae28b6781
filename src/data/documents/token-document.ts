import type { TextTokenizer } from '../text/index.ts'
import { atPlace } from './at-place.ts'
import type { TokenDocument } from './document.ts'
import { countedBytes } from './text-bytes.ts'
import type { WrittenDocument } from './write-document.ts'

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
  const bytes = countedBytes({ parts, ids, own, framed: before.length > 0 }, tokenizer)
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
