import { count } from '../../count.ts'
import { type TokenDocument, tokenCount, tokensIn } from '../../data/documents/index.ts'
import { fewestDocuments } from '../../measure/ratio-change.ts'
import { pieceTokens } from './document-pieces.ts'
import type { HeldOutDocuments } from './held-out-documents.ts'
import type { Pieces } from './text-exemplars.ts'

export function exemplarNotes(
  name: string,
  train: readonly TokenDocument[],
  { pieces, cut }: Pieces,
  exemplars: readonly TokenDocument[],
  rowLength: number,
): readonly string[] {
  const [all, kept] = [tokensIn(train), tokensIn(exemplars)]
  const long = train.find((document) => tokenCount(document) > pieceTokens(rowLength))
  return [
    ...(long
      ? [
          `${name}, train part: ${cut.toLocaleString('en-US')} of ${count(train.length, 'document')} ${cut === 1 ? 'has' : 'have'} more than ${count(pieceTokens(rowLength), 'token')} (the first: ${long.place}) and ${cut === 1 ? 'is' : 'are'} taken in pieces of that: ${count(pieces.length, 'document')} to choose from.`,
        ]
      : []),
    `${name}, train part: ${count(kept, 'token')} in ${count(exemplars.length, 'document')} are kept of ${count(all, 'token')}, ${((100 * kept) / all).toFixed(1)} %.`,
  ]
}

export function heldOutNotes(
  name: string,
  { documents, known, cut, left }: HeldOutDocuments,
  rowLength: number,
): readonly string[] {
  return [
    ...(known > 0
      ? [
          `${name}: ${count(known, 'document')} to hold out ${known === 1 ? 'is' : 'are'} trained on, too, or there twice, and left out: what was learned proves nothing.`,
        ]
      : []),
    ...(cut > 0
      ? [
          `${name}: of ${count(cut, 'held-out document')} with more than ${count(pieceTokens(rowLength), 'token')} one piece of that is kept, drawn at random.`,
        ]
      : []),
    ...(left > 0 && documents.length > 0
      ? [
          `${name}: ${documents.length.toLocaleString('en-US')} of ${count(documents.length + left, 'document')} are held out, ${count(tokensIn(documents), 'token')}, drawn at random.`,
        ]
      : []),
  ]
}

/** @param given What there was to hold out. */
export function proofNotes(
  heldOut: readonly TokenDocument[],
  given: readonly TokenDocument[] | undefined,
): readonly string[] {
  if (heldOut.length >= fewestDocuments) return []
  if (heldOut.length > 0) {
    return [
      `${count(heldOut.length, 'document')} ${heldOut.length === 1 ? 'is' : 'are'} held out, and a bound needs ${fewestDocuments} at least: an update with this pack cannot show what it costs. Hold out more documents, or shorter ones.`,
    ]
  }
  return [
    given === undefined || given.length === 0
      ? 'No documents are held out: an update with this pack cannot measure what it costs.'
      : 'No documents are left to hold out: an update with this pack cannot measure what it costs.',
  ]
}
