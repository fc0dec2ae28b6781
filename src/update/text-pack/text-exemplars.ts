import {
  documentInMemory,
  type TokenDocument,
  tokenCount,
  tokensThatCount,
  unseenDocuments,
} from '../../data/documents/index.ts'
import { choiceOrder, withinBudget } from './choose-documents.ts'
import { documentPieces, pieceTokens } from './document-pieces.ts'
import { lossesOn, type Measuring } from './measure-documents.ts'
import type { TextPackBudget } from './text-pack.ts'

/**
 * What a pack of texts takes where it is not told otherwise. 65,536 tokens are 5 % of the 1.3 million new ones of a long update, so that
 * none comes back before that; their answers cost a small model of 135 million parameters a few minutes on two cores. Twice as many are
 * held out, as an update measures them without learning: less than what it costs to train on them once.
 */
export const textKeepDefaults = { tokens: 65_536, choose: 'random', heldOutTokens: 131_072 } as const

/** What answers take at most in memory as they are stored, where nobody says how many tokens are kept. */
const answerBytes = 16 * 2 ** 20
const [fewestTop, mostTop] = [8, 32]

/**
 * How many of the likeliest tokens are kept at each place: as asked, else 32, fewer where their answers would take more than 16 MiB, 8 at
 * least; no more than the model knows.
 */
export function topTokensOf(
  asked: number | undefined,
  exemplars: readonly TokenDocument[],
  vocabulary: number,
): number {
  if (asked !== undefined) return Math.min(asked, vocabulary)
  const places = exemplars.reduce((sum, document) => sum + tokensThatCount(document), 0)
  const bytes = vocabulary <= 2 ** 16 ? 4 : 6
  const fit = Math.floor(answerBytes / (bytes * Math.max(1, places)))
  return Math.min(vocabulary, Math.max(fewestTop, Math.min(mostTop, fit)))
}

/** Documents that may be chosen, the long ones in pieces. */
export interface Pieces {
  readonly pieces: readonly TokenDocument[]
  /** How many documents were cut. */
  readonly cut: number
}

/** Pieces of documents, each text once. */
export function piecesOf(documents: readonly TokenDocument[], rowLength: number): Pieces {
  const most = pieceTokens(rowLength)
  return {
    pieces: unseenDocuments(documents.flatMap((document) => documentPieces(document, most))),
    cut: documents.filter((document) => tokenCount(document) > most).length,
  }
}

/** The pieces that become exemplars, in the order of the choice and in memory. */
export async function chosenExemplars(
  pieces: readonly TokenDocument[],
  budget: TextPackBudget,
  how: Measuring,
  { seed, round }: { readonly seed: number; readonly round?: number | undefined },
): Promise<readonly TokenDocument[]> {
  const { choose } = budget
  const losses =
    choose === 'random' ? undefined : await lossesOn(pieces, how, 'the loss on documents to choose from')
  return withinBudget(choiceOrder(pieces, { choose, losses, seed, round }), budget).map(documentInMemory)
}
