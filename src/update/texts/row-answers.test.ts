import { describe, expect, it } from 'vitest'
import { packDocuments, type TokenDocument } from '../../data/documents/index.ts'
import { float32 } from '../../tensor/tensor.ts'
import { rowAnswers } from './row-answers.ts'

const tokenizer = { filler: 0, eos: undefined, frame: { before: [], after: [] } }
const documents: readonly TokenDocument[] = [
  { place: 'a', ids: Int32Array.of(1, 2, 3, 4, 5, 6, 7), bytes: 6 },
  { place: 'b', ids: Int32Array.of(7, 8, 9), bytes: 2, learned: Uint8Array.of(0, 0, 1) },
  { place: 'c', ids: Int32Array.of(3, 2, 1), bytes: 2 },
]
// Each answer is ten times the token that is predicted.
const counting = [2, 3, 4, 5, 6, 7, 9, 2, 1]
const answers = {
  ids: {
    type: 'int32' as const,
    dims: [9, 2],
    data: Int32Array.from(counting.flatMap((id) => [10 * id, id])),
  },
  logProbabilities: float32(
    [9, 2],
    counting.flatMap((id) => [-id, -2 * id]),
  ),
}

describe('kept answers as rows', () => {
  it('stand at the tokens that they are of, of whichever documents are chosen, however rows are cut', () => {
    for (const length of [2, 4, 8]) {
      const chosen = [2, 0]
      const rows = packDocuments(
        chosen.map((place) => documents[place] as TokenDocument),
        { name: 'rows', length, vocabulary: 13, tokenizer },
      ).dataset
      const { ids, logProbabilities } = rowAnswers(rows, { answers, documents, chosen })
      expect(ids.dims).toEqual([...rows.labels.dims, 2])
      for (const [place, label] of rows.labels.data.entries()) {
        const known = label >= 0
        expect(ids.data[2 * place]).toBe(known ? 10 * label : 0)
        expect(logProbabilities.data[2 * place]).toBeCloseTo(known ? -label : 0, 6)
      }
    }
  })

  it('are refused where there are not as many as tokens that count', () => {
    const rows = packDocuments(documents, { name: 'rows', length: 4, vocabulary: 13, tokenizer }).dataset
    expect(() => rowAnswers(rows, { answers, documents: documents.slice(1), chosen: [0, 1] })).toThrow(
      'have 3 tokens that count, but answers are kept for 9',
    )
  })
})
