import { describe, expect, it } from 'vitest'
import type { TokenDocument } from '../../data/documents/index.ts'
import { itemAt } from '../../required.ts'
import { pieceTokens } from '../text-pack/index.ts'
import { separateDocuments } from './separate-documents.ts'

/** A document for each letter, told by its tokens alone. */
const texts = (letters: string, part = 'part'): TokenDocument[] =>
  [...letters].map((letter, at) => ({
    place: `${part} ${at}`,
    ids: Int32Array.of(1, letter.charCodeAt(0), 2),
    bytes: 2,
  }))
const lettersOf = (documents: readonly TokenDocument[] = []): string =>
  documents.map(({ ids }) => String.fromCharCode(itemAt(ids, 1, 'token'))).join('')

describe('texts that stand in two parts of an update', () => {
  it('prove nothing where they are trained on, compared or rehearsed', () => {
    const { data, notes } = separateDocuments(
      {
        train: texts('abcd'),
        check: texts('dee'),
        choose: texts('aefg'),
        exemplars: texts('mnop'),
        order: texts('nqra'),
        heldOut: texts('bmgxyx'),
        first: { name: 'first', losses: [...'bmgxyx'].map((_, at) => ({ nats: at, tokens: 1, bytes: 1 })) },
        uses: 2,
      },
      8,
    )
    expect(lettersOf(data.train)).toBe('abcd')
    expect(lettersOf(data.check)).toBe('e')
    expect(lettersOf(data.choose)).toBe('fg')
    expect(lettersOf(data.heldOut)).toBe('mxy')
    expect(lettersOf(data.exemplars)).toBe('nop')
    expect(lettersOf(data.order)).toBe('qr')
    expect(data.first?.losses.map((loss) => loss?.nats)).toEqual([1, 3, 4])
    expect(data.uses).toBe(2)
    expect(notes).toEqual([
      '1 of 3 new documents that are held out are trained on, too, and left out.',
      '2 of 4 new documents that candidates are compared on are trained on or held out, too, and left out.',
      '2 of 6 old documents that prove are among the new ones, too, and left out.',
      '1 of 4 old documents to rehearse are to prove, too, and left out.',
      '2 of 4 old documents that order candidates are trained on or to prove, too, and left out.',
      '1 of 2 new documents that are held out is a copy of others: each text counts once.',
      '1 of 4 old documents that prove is a copy of others: each text counts once.',
    ])
  })

  it('leaves parts that have nothing in common as they are', () => {
    const given = { train: texts('ab'), check: texts('c'), exemplars: texts('d'), heldOut: texts('ef') }
    const { data, notes } = separateDocuments(given, 8)
    expect(data).toMatchObject(given)
    expect(notes).toEqual([])
  })

  it('knows a long document by the pieces that a pack has of it', () => {
    const long = { place: 'long', ids: Int32Array.from({ length: 9000 }, (_, at) => at), bytes: 9000 }
    const piece = { ...long, place: 'a piece', ids: long.ids.slice(0, pieceTokens(128)) }
    const { data } = separateDocuments(
      { train: [long], check: texts('c'), heldOut: [piece, ...texts('e')] },
      128,
    )
    expect(lettersOf(data.heldOut)).toBe('e')
  })

  it('refuses new documents that are all trained on', () => {
    expect(() => separateDocuments({ train: texts('abc'), check: texts('cb') }, 8)).toThrowError(
      expect.objectContaining({
        code: 'update-data',
        message: expect.stringMatching(/^All 2 new documents/),
      }),
    )
  })
})
