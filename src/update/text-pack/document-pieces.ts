import {
  documentPart,
  type TokenDocument,
  tokenCount,
  tokensThatCount,
  tokensThatCountWithin,
} from '../../data/documents/index.ts'

/** A document with more tokens than this is cut: it would fill a budget by itself, and tell of one text alone. */
const longest = 4096

/** How many tokens a piece has: those that fill whole rows, and one before them, from which the first is predicted. */
export const pieceTokens = (rowLength: number): number =>
  Math.max(1, Math.floor(longest / rowLength)) * rowLength + 1

/**
 * A document in pieces of at most `most` tokens, those without anything to learn left out; one that is no longer is its only piece. Each
 * token that counts does so in one piece: a piece begins with the last token of the one before. Bytes are shared out by these tokens.
 *
 * @example
 * documentPieces({ place: 'book.txt', ids: Int32Array.of(7, 8, 9), bytes: 4 }, 2).map(({ place }) => place)
 * // ['book.txt, tokens 1 to 2', 'book.txt, tokens 2 to 3']
 */
export function documentPieces(document: TokenDocument, most: number): readonly TokenDocument[] {
  const tokens = tokenCount(document)
  if (tokens <= most) return [document]
  const total = tokensThatCount(document)
  const pieces: TokenDocument[] = []
  let [counted, given] = [0, 0]
  for (let from = 0; from < tokens - 1; from += most - 1) {
    const to = Math.min(tokens, from + most)
    const counting = tokensThatCountWithin(document, from + 1, to)
    if (counting === 0) continue
    counted += counting
    const due = Math.round((document.bytes * counted) / total)
    const place = `${document.place}, tokens ${from + 1} to ${to}`
    pieces.push(documentPart(document, { place, bytes: due - given }, from, to))
    given = due
  }
  return pieces
}
