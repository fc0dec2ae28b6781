import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  documentsFingerprint,
  type TokenDocument,
  tokensThatCount,
  unseenDocuments,
} from '../../data/documents/index.ts'
import { float32FromFloat16 } from '../../tensor/half.ts'
import { float16Below } from './answers.ts'
import { choiceOrder, withinBudget } from './choose-documents.ts'
import { documentPieces, pieceTokens } from './document-pieces.ts'
import { heldOutDocuments } from './held-out-documents.ts'

const document = (
  place: string,
  ids: readonly number[],
  more: Partial<TokenDocument> = {},
): TokenDocument => ({
  ...{ place, ids: Int32Array.from(ids), bytes: 3 * ids.length },
  ...more,
})
/** Documents of so many tokens, no two alike. */
const several = (lengths: readonly number[]): TokenDocument[] =>
  lengths.map((length, at) =>
    document(
      `d${at}`,
      Array.from({ length }, (_, token) => at * 1000 + token),
    ),
  )
const placesOf = (documents: readonly TokenDocument[]) => documents.map(({ place }) => place)

describe('pieces of a document', () => {
  test('learn each of its tokens once, and share out its bytes, whatever is learned and however long they are', () => {
    const learned = fc.array(fc.constantFrom(0, 1), { minLength: 2, maxLength: 60 })
    fc.assert(
      fc.property(learned, fc.integer({ min: 2, max: 20 }), fc.nat(500), (counts, most, bytes) => {
        const whole = document('d', [...counts.keys()], { learned: Uint8Array.from(counts), bytes })
        const pieces = documentPieces(whole, most)
        if (counts.length <= most) {
          expect(pieces).toEqual([whole])
          return
        }
        const counted = pieces.flatMap((piece) =>
          [...piece.ids].filter((_, at) => at > 0 && (piece.learned?.[at] ?? 1) === 1),
        )
        const wanted = [...whole.ids].filter((id) => id > 0 && counts[id] === 1)
        expect(counted).toEqual(wanted)
        expect(pieces.every((piece) => piece.ids.length <= most && tokensThatCount(piece) > 0)).toBe(true)
        expect(pieces.reduce((sum, piece) => sum + piece.bytes, 0)).toBe(wanted.length > 0 ? bytes : 0)
      }),
    )
  })

  test('fill whole rows, and say where they are', () => {
    expect([pieceTokens(128), pieceTokens(1000), pieceTokens(8192)]).toEqual([4097, 4001, 8193])
    expect(documentPieces(document('book.txt', [7, 8, 9, 10]), 3)).toMatchObject([
      { place: 'book.txt, tokens 1 to 3', ids: Int32Array.of(7, 8, 9), bytes: 8 },
      { place: 'book.txt, tokens 3 to 4', ids: Int32Array.of(9, 10), bytes: 4 },
    ])
  })
})

describe('a choice of documents', () => {
  const documents = several([5, 5, 5, 5, 5, 5, 5, 5])
  const losses = documents.map(({ bytes }, at) => ({ nats: (at * 3) % 8, tokens: 4, bytes }))
  const chosen = (choose: 'random' | 'spread' | 'hardest', seed = 0, round = 0) =>
    placesOf(choiceOrder(documents, { choose, losses, seed, round }))

  test('at random depends on the seed and the data set, and holds each once', () => {
    expect(chosen('random')).toEqual(chosen('random'))
    expect(chosen('random', 1)).not.toEqual(chosen('random'))
    expect(chosen('random', 0, 1)).not.toEqual(chosen('random'))
    expect(chosen('random').sort()).toEqual(placesOf(documents))
  })

  test('takes the hardest first, or spreads any number of them over what they cost', () => {
    const hardest = chosen('hardest')
    expect(hardest).toEqual(['d5', 'd2', 'd7', 'd4', 'd1', 'd6', 'd3', 'd0'])
    const spread = chosen('spread')
    expect([...spread].sort()).toEqual(placesOf(documents))
    for (const size of [2, 4]) {
      const ranks = spread.slice(0, size).map((place) => hardest.indexOf(place))
      // One of each half, and of each quarter.
      expect(ranks.map((rank) => Math.floor((rank * size) / 8)).sort()).toEqual([...Array(size).keys()])
    }
  })

  test('stays inside its budget, and is never empty', () => {
    expect(withinBudget(documents, { documents: 3 })).toHaveLength(3)
    expect(withinBudget(documents, { tokens: 19 })).toHaveLength(3)
    expect(withinBudget(documents, { tokens: 20 })).toHaveLength(4)
    expect(withinBudget(documents, { tokens: 1 })).toHaveLength(1)
    expect(withinBudget([], { tokens: 1 })).toEqual([])
  })
})

describe('held-out documents', () => {
  const drawn = (given: readonly TokenDocument[], others: readonly TokenDocument[], most?: number) =>
    heldOutDocuments(given, { others, most, rowLength: 128, seed: 0 })

  test('are none that is trained on, come once, and stay in the order of the data', () => {
    const documents = several([9, 9, 9, 9, 9, 9])
    const again = document('again', [...(documents[2]?.ids ?? [])])
    const found = drawn([...documents, again], documents.slice(0, 2), 3)
    expect(found).toMatchObject({ known: 3, left: 1, cut: 0 })
    const places = placesOf(found.documents)
    expect(places).toEqual([...places].sort())
    expect(places).toHaveLength(3)
    expect(places).not.toContain('d0')
    expect(drawn(documents, [], 0)).toMatchObject({ documents: [], left: 6 })
  })

  test('of a long text one piece is taken, and a text that is known by a piece is known', () => {
    const [book] = several([20_000])
    if (!book) throw new Error('no book')
    const { documents, cut } = drawn([book, ...several([0, 30]).slice(1)], [])
    expect([documents.length, cut]).toEqual([2, 1])
    expect(documents[0]?.place).toMatch(/^d0, tokens \d+ to \d+$/)
    expect(drawn([book], documentPieces(book, 4097).slice(2, 3))).toMatchObject({ documents: [], known: 1 })
  })

  test('have a limit of tokens where none of documents is given', () => {
    const many = several(new Array(50).fill(4000))
    const { documents, left } = drawn(many, [])
    expect([documents.length, left]).toEqual([32, 18])
  })
})

describe('documents', () => {
  test('are told by their tokens, and data by what counts, too', () => {
    const [one, other] = several([4, 5])
    if (!one || !other) throw new Error('no documents')
    expect(placesOf(unseenDocuments([one, other, { ...one, place: 'x' }], [other]))).toEqual(['d0'])
    const learned = Uint8Array.of(0, 1, 0, 1)
    const prints = [[one], [one, other], [other, one], [{ ...one, learned }]].map(documentsFingerprint)
    expect(new Set(prints).size).toBe(4)
    expect(documentsFingerprint([{ ...one, place: 'elsewhere' }])).toBe(prints[0])
  })
})

describe('log-probabilities in float16', () => {
  test('are rounded towards less, so that shares never add up to more than all', () => {
    const shares = fc.array(fc.double({ min: 1e-12, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(shares, (weights) => {
        const all = weights.reduce((sum, weight) => sum + weight, 0)
        const logs = Float32Array.from(weights, (weight) => Math.min(0, Math.log(weight / all)))
        const back = float32FromFloat16(float16Below(logs))
        for (const [at, log] of logs.entries()) {
          const kept = back[at] ?? Number.NaN
          expect(kept).toBeLessThanOrEqual(log)
          expect(log - kept).toBeLessThanOrEqual(Math.max(2 ** -24, -log / 1024))
        }
        expect(float16Below(back)).toEqual(float16Below(logs))
        expect(back.reduce((sum, log) => sum + Math.exp(log), 0)).toBeLessThanOrEqual(1 + 1e-6)
      }),
    )
  })
})
