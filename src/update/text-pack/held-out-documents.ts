import {
  documentInMemory,
  documentKey,
  type TokenDocument,
  unseenDocuments,
} from '../../data/documents/index.ts'
import { itemAt } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { withinBudget } from './choose-documents.ts'
import { documentPieces, pieceTokens } from './document-pieces.ts'
import { textKeepDefaults } from './text-exemplars.ts'

/** Documents to prove on, and what became of the others. */
export interface HeldOutDocuments {
  readonly documents: readonly TokenDocument[]
  /** How many of the data are in the training part, too, or come twice. */
  readonly known: number
  /** How many were cut to a piece. */
  readonly cut: number
  /** How many found no room. */
  readonly left: number
}

/**
 * Draws documents to prove on, in the order of the data; their tokens are in memory then. Of a long document one piece is taken, drawn at random, and no second one: a bound
 * counts documents, and pieces of one text tell less than as many texts.
 *
 * @param options.others Documents that are trained on or held out already.
 * @param options.most Documents at most; default as many as have 131,072 tokens.
 * @param options.round How many data sets came before: each is drawn anew.
 */
export function heldOutDocuments(
  given: readonly TokenDocument[],
  {
    others,
    most,
    rowLength,
    seed,
    round = 0,
  }: {
    readonly others: Iterable<TokenDocument>
    readonly most: number | undefined
    readonly rowLength: number
    readonly seed: number
    readonly round?: number | undefined
  },
): HeldOutDocuments {
  const length = pieceTokens(rowLength)
  const seen = new Set(Array.from(others, documentKey))
  const candidates = unseenDocuments(given).flatMap((document) => {
    const pieces = documentPieces(document, length)
    // A pack knows a long document by its pieces.
    const known = [document, ...pieces].some((one) => seen.has(documentKey(one)))
    return known ? [] : [pieces]
  })
  const known = given.length - candidates.length
  if (most === 0) return { documents: [], known, cut: 0, left: candidates.length }
  const random = randomStream(seed, `keep/held-out documents ${round}`)
  const pieces = candidates.map((own, at) => ({
    ...{ at, cut: own.length > 1 },
    piece: itemAt(own, random.integer(own.length), 'piece'),
  }))
  const order = Array.from(random.permutation(pieces.length), (at) => itemAt(pieces, at, 'document'))
  const budget = most === undefined ? { tokens: textKeepDefaults.heldOutTokens } : { documents: most }
  const count = withinBudget(
    order.map(({ piece }) => piece),
    budget,
  ).length
  const chosen = order.slice(0, count).sort((a, b) => a.at - b.at)
  return {
    documents: chosen.map(({ piece }) => documentInMemory(piece)),
    ...{ known, cut: chosen.filter(({ cut }) => cut).length, left: candidates.length - count },
  }
}
