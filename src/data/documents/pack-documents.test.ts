import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { byteTokenizer, firstByte } from '../../../test/byte-tokenizer.ts'
import { subset } from '../dataset.ts'
import type { TokenDocument } from './document.ts'
import { type PackOptions, packDocuments } from './pack-documents.ts'
import { packingNotes } from './packing-notes.ts'
import { documentRowLength } from './row-length.ts'
import { tokenDocument } from './token-document.ts'
import { windowCount, windows } from './windows.ts'
import { writeDocument } from './write-document.ts'

const tokenizer = byteTokenizer()
const text = (content: string, place = 'a.txt'): TokenDocument =>
  tokenDocument(writeDocument({ place, kind: 'text', text: content }, tokenizer), tokenizer)
const options: PackOptions = { name: 'letters', length: 4, vocabulary: 260, tokenizer }
/** Rows in letters: what is read, and what counts behind it. */
const rowsOf = (documents: readonly TokenDocument[], more: Partial<PackOptions> = {}) => {
  const { dataset } = packDocuments(documents, { ...options, ...more })
  const [rows = 0, width = 0] = dataset.inputs.dims
  const letter = (id: number) =>
    id === -100 ? '-' : id < firstByte ? ['$', '_', '<', '>'][id] : String.fromCharCode(id - firstByte)
  const line = (data: ArrayLike<number | bigint>, row: number) =>
    Array.from({ length: width }, (_, at) => letter(Number(data[row * width + at]))).join('')
  return Array.from(
    { length: rows },
    (_, row) => `${line(dataset.inputs.data as BigInt64Array, row)} ${line(dataset.labels.data, row)}`,
  )
}

describe('rows of documents', () => {
  it('are of one document each; a long one is cut, and its last row is full', () => {
    expect(rowsOf([text('abc'), text('defghij')])).toEqual(['ab__ bc--', 'defg efgh', 'fghi --ij'])
  })

  it('read some of the row before again where that is asked for', () => {
    expect(rowsOf([text('abcdefghi')], { overlap: 2 })).toEqual(['abcd bcde', 'cdef --fg', 'efgh --hi'])
  })

  it('are joined with a token for the end between them', () => {
    expect(rowsOf([text('abc'), text('de')], { pack: 'joined' })).toEqual(['abc$ bc$d', 'c$de --e$'])
  })

  it('leave out pieces without an answer, and count what they drop', () => {
    const document: TokenDocument = {
      ...text('abcdefghi'),
      learned: Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0, 1),
    }
    const packed = packDocuments([document], options)
    expect(rowsOf([document])).toEqual(['abcd b---', 'efgh ---i'])
    expect(packed).toMatchObject({ tokens: 9, dropped: 0, counting: 2, filled: 0 })
    const late = { ...document, learned: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1) }
    expect(packDocuments([late], options)).toMatchObject({ tokens: 9, dropped: 4, counting: 1 })
  })

  it('know their documents and share out their bytes to the last one', () => {
    const { dataset } = packDocuments([text('abc', 'one'), text('dëfghij', 'two')], options)
    expect(dataset.documents).toEqual({
      of: Int32Array.of(0, 1, 1),
      bytes: Float64Array.of(2, 4, 3),
      names: ['one', 'two'],
    })
    expect(subset(dataset, Int32Array.of(2)).documents).toMatchObject({
      of: Int32Array.of(1),
      bytes: Float64Array.of(3),
    })
  })

  it('are refused where a token is none of the model’s, or rows overlap wholly', () => {
    expect(() => rowsOf([text('abc', 'x.jsonl, line 3')], { vocabulary: 50 })).toThrow(
      /^x.jsonl, line 3: token 101 is not one of the model's 50/,
    )
    expect(() => rowsOf([text('abc')], { overlap: 4 })).toThrow(/from 0 to 3, but it is 4 \(overlap\)/)
    const endless = byteTokenizer({ config: { eos_token: null } })
    expect(() => rowsOf([text('abc')], { pack: 'joined', tokenizer: endless })).toThrow(
      /a token has to end each, and the tokenizer names none/,
    )
  })
})

test('every token but the first is predicted in exactly one row, from all that is before it there', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 11 }),
      (tokens, length, asked) => {
        const overlap = Math.min(asked, length - 1)
        const found = [...windows(tokens, length, overlap)]
        expect(windowCount(tokens, length, overlap)).toBe(found.length)
        const predicted = found.flatMap(({ start, size, from }) => {
          expect(size).toBeLessThanOrEqual(length)
          expect(start + size).toBeLessThan(tokens)
          // A further row reads at least the overlap again.
          expect(from - 1 - start).toBeGreaterThanOrEqual(from === 1 ? 0 : Math.min(overlap, from - 1))
          return Array.from({ length: start + size - from + 1 }, (_, at) => from + at)
        })
        expect(predicted).toEqual(Array.from({ length: Math.max(0, tokens - 1) }, (_, at) => at + 1))
      },
    ),
  )
})

describe('how long rows are', () => {
  const documents = [text('abc'), text('a'.repeat(50))]
  const length = (asked?: number, limit?: number, pack?: 'joined') =>
    documentRowLength(documents, { asked, limit, pack })

  it('is as asked, else what the model reads, but no more than the longest document needs', () => {
    expect(length(12, 128)).toBe(12)
    expect(length(undefined, 32)).toBe(32)
    expect(length(undefined, 128)).toBe(56)
    expect(length(undefined, undefined)).toBe(56)
  })

  it('is not more than the model reads, and has to be said for long texts', () => {
    expect(() => length(256, 128)).toThrow(
      /Rows of 256 tokens are asked for \(maxLength\), but the model reads 128/,
    )
    expect(() =>
      documentRowLength([text('a'.repeat(2000))], { asked: undefined, limit: undefined, pack: undefined }),
    ).toThrow(/A document has 1,999 tokens, and neither .* Say it \(maxLength\)/)
  })
})

test('what became of the tokens is said, and where rows are mostly filling', () => {
  const long = packDocuments([text('abcdefghij'), text('klmno')], options)
  expect(packingNotes(long, 'letters, train part', 2, { training: true })).toEqual([
    'letters, train part: 15 tokens in 2 documents: all used, in 4 rows of 4; 13 count in the loss.',
  ])
  const short = packDocuments([text('ab'), text('cd')], options)
  expect(packingNotes(short, 'letters', 2, { training: true })[1]).toMatch(
    /^letters: 75 % of the rows is filling/,
  )
  expect(packingNotes(short, 'letters', 2, { training: false })).toHaveLength(1)
})
