import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bitsPerByte, documentLosses, perplexity, totalLoss } from './text-scores.ts'

describe('losses of documents', () => {
  // Two documents: "ab cd" in two rows, of which p = 1/2 and 1/4, then 1/8; and "é" (two bytes), p = 1/16.
  const rows = {
    nats: [Math.log(8), Math.log(8), Math.log(16)],
    tokens: [2, 1, 1],
    bytes: [3, 2, 2],
    documents: [4, 4, 9],
  }
  const [first, second] = documentLosses(rows)

  it('are those of their rows together', () => {
    expect(first).toMatchObject({ document: 4, rows: 2, tokens: 3, bytes: 5 })
    expect(second).toMatchObject({ document: 9, rows: 1, tokens: 1, bytes: 2 })
  })

  it('give bits per byte and perplexity worked out by hand', () => {
    if (!first || !second) throw new Error('two documents')
    // 6 bits in 5 bytes; the geometric mean of 2, 4 and 8.
    expect(bitsPerByte(first)).toBeCloseTo(6 / 5, 12)
    expect(perplexity(first)).toBeCloseTo(4, 12)
    expect(bitsPerByte(second)).toBeCloseTo(2, 12)
    expect(perplexity(second)).toBeCloseTo(16, 12)
    // 10 bits in 7 bytes, 4 tokens: not the mean of the documents' own figures.
    const all = totalLoss([first, second])
    expect(bitsPerByte(all)).toBeCloseTo(10 / 7, 12)
    expect(perplexity(all)).toBeCloseTo(2 ** (10 / 4), 12)
  })

  it('do not depend on the order of rows, but for rounding', () => {
    const row = fc.record({
      nats: fc.double({ min: 0, max: 50, noNaN: true }),
      tokens: fc.integer({ min: 1, max: 9 }),
      bytes: fc.integer({ min: 1, max: 40 }),
      documents: fc.integer({ min: 0, max: 4 }),
    })
    const lists = (list: readonly { nats: number; tokens: number; bytes: number; documents: number }[]) => ({
      nats: list.map(({ nats }) => nats),
      tokens: list.map(({ tokens }) => tokens),
      bytes: list.map(({ bytes }) => bytes),
      documents: list.map(({ documents }) => documents),
    })
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), (list) => {
        const forth = new Map(documentLosses(lists(list)).map((loss) => [loss.document, loss]))
        for (const back of documentLosses(lists([...list].reverse()))) {
          const one = forth.get(back.document)
          expect(one).toMatchObject({ rows: back.rows, tokens: back.tokens, bytes: back.bytes })
          expect(one?.nats).toBeCloseTo(back.nats, 9)
        }
      }),
    )
  })

  it('are refused where the lists differ, a loss is no number, or nothing counts', () => {
    expect(() => documentLosses({ ...rows, bytes: [1] })).toThrow(/there are 3, 3, 1 and 3/)
    expect(() => documentLosses({ ...rows, nats: [1, Number.NaN, 1] })).toThrow(/row 1, .* is NaN/)
    expect(() => bitsPerByte({ nats: 1, tokens: 1, bytes: 0 })).toThrow(/none counts/)
    expect(() => perplexity({ nats: 0, tokens: 0, bytes: 1 })).toThrow(/none counts/)
  })
})
