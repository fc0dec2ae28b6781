import { describe, expect, it } from 'vitest'
import { joinTexts, lineKind, parseTextScores, type TextScore, type TextScores } from './text-losses.ts'

const score = (id: string, more: Partial<TextScore> = {}): TextScore => ({
  id,
  bytes: 100,
  tokens: 30,
  bits: 150,
  ...more,
})
const set = (name: string, ...documents: TextScore[]): TextScores => ({ name, documents })
const line = (id: string, copyOf?: string) => JSON.stringify(score(id, { copyOf }))
const code = (expected: string) => expect.objectContaining({ code: expected })

describe('files of losses', () => {
  it('are read line by line, and errors name the line and the field', () => {
    const text =
      '\uFEFF{"id": 7, "bytes": 10, "tokens": 3, "bits": 20.5, "more": 1}\n\n{"id":"b","bytes":0,"tokens":1,"bits":0}\n'
    const { documents, locate } = parseTextScores(text, 'old.jsonl')
    expect(documents).toEqual([
      { id: '7', bytes: 10, tokens: 3, bits: 20.5 },
      { id: 'b', bytes: 0, tokens: 1, bits: 0 },
    ])
    expect(locate?.(1)).toBe('old.jsonl, line 3')
  })

  it.each([
    [
      '{"id": "a", "bytes": 1, "tokens": 1}',
      'text-scores-field',
      "x, line 1, field 'bits': expected a number",
    ],
    [
      '{"id": "a", "bytes": 1.5, "tokens": 1, "bits": 1}',
      'text-scores-field',
      "field 'bytes': expected a whole",
    ],
    ['{"id": "a", "bytes": 1, "tokens": 0, "bits": 1}', 'text-scores-field', 'at least one token'],
    ['{"id": "", "bytes": 1, "tokens": 1, "bits": 1}', 'text-scores-field', "field 'id'"],
    ['{"id": "a", "bytes": 1, "tokens": 1, "bits": -1}', 'text-scores-field', "field 'bits'"],
    ['\n', 'text-scores-empty', 'found none'],
    [
      `${line('a', 'b')}\n${line('b', 'a')}`,
      'text-scores-empty',
      'x: expected the loss of a document a line',
    ],
    [`${line('a')}\n${line('b', 'c')}`, 'text-scores-field', "x, line 2, field 'copyOf': expected the id of"],
    [`${line('a')}\n\n${line('b', 'b')}`, 'text-scores-field', "x, line 3, field 'copyOf'"],
    ['{"id"', 'json-syntax', 'x, line 1'],
  ])('refuse %s', (text, expected, message) => {
    expect(() => parseTextScores(text, 'x')).toThrow(code(expected))
    expect(() => parseTextScores(text, 'x')).toThrow(message)
  })

  it('are told from answers to probes, and from predictions of classes', () => {
    expect(lineKind('{"id": 1, "bits": 3}')).toBe('loss')
    expect(lineKind('{"id": 1, "label": "a", "pred": "b", "probe": "choice"}')).toBe('answer')
    expect(lineKind('{"id": 1, "label": "a", "pred": "b", "bits": 3}')).toBeUndefined()
    expect(['', 'null', '[', '"bits"', '{"bits"'].map(lineKind)).toEqual(Array(5).fill(undefined))
  })
})

describe('the same documents', () => {
  it('are found by name, whatever their order', () => {
    const old = set('old', score('a'), score('b', { bits: 90 }))
    const pairs = joinTexts(old, set('new', score('b', { bits: 99 }), score('a')))
    expect(pairs.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(pairs[1]?.after.nats).toBeCloseTo(99 * Math.LN2, 12)
  })

  it('read with another tokenizer may lack the bytes of a first token; the rest is taken for them', () => {
    const [pair] = joinTexts(
      set('old', score('a')),
      set('new', score('a', { bytes: 96, tokens: 25, bits: 144 })),
    )
    expect(pair?.after).toEqual({ nats: expect.closeTo(150 * Math.LN2, 9), tokens: 25, bytes: 100 })
  })

  it.each([
    [
      'other documents',
      set('new', score('a'), score('c')),
      'text-scores-unpaired',
      'old, b: document "b" has no loss in new',
    ],
    ['too few', set('new', score('a')), 'text-scores-unpaired', '"b"'],
    ['none', set('new'), 'text-scores-empty', 'new has no losses'],
    [
      'copies alone',
      set('new', score('a', { copyOf: 'b' }), score('b', { copyOf: 'a' })),
      'text-scores-empty',
      'old and new have no document in common that is no copy of another',
    ],
    ['one twice', set('new', score('a'), score('a')), 'text-scores-duplicate', 'stands already'],
    [
      'another text by the same name',
      set('new', score('a', { bytes: 99 }), score('b')),
      'text-scores-bytes',
      'has 99 bytes',
    ],
    [
      'a far longer text',
      set('new', score('a', { bytes: 190, tokens: 60 }), score('b')),
      'text-scores-bytes',
      'has 190 bytes',
    ],
  ])('refuses %s', (_, other, expected, message) => {
    const old = set('old', score('a'), score('b'))
    expect(() => joinTexts(old, other)).toThrow(code(expected))
    expect(() => joinTexts(old, other)).toThrow(message)
  })
})
