import { expect, it } from 'vitest'
import { packDocuments } from '../../data/documents/index.ts'
import { asJoined } from './written-files.ts'

type Frame = Parameters<typeof asJoined>[1]['frame']
const nothing: Frame = { before: [], after: [] }
const text = (...ids: number[]) => ({ place: 'a text', ids: Int32Array.from(ids), bytes: ids.length })
const joined = (eos: number, documents: readonly ReturnType<typeof text>[], frame = nothing) => {
  const tokenizer = { eos, frame, filler: 0 }
  const options = { name: 'texts', length: 8, vocabulary: 10, pack: 'joined', tokenizer } as const
  const { dataset } = packDocuments(asJoined(documents, tokenizer), options)
  return { ids: [...(dataset.inputs.data as BigInt64Array)].map(Number), labels: [...dataset.labels.data] }
}

it('joins texts that the model began itself with one token between them', () => {
  // Begun behind 9, which ends texts; the second one ended by itself.
  const { ids, labels } = joined(9, [text(9, 1, 2), text(9, 3, 4, 9), text(9, 5)])
  expect(ids).toEqual([1, 2, 9, 3, 4, 9, 5, 0])
  expect(labels).toEqual([2, 9, 3, 4, 9, 5, 9, -100])
})

it('leaves texts that begin with another token as they are', () => {
  const framed = { before: [8], after: [] }
  expect(joined(9, [text(8, 1, 2), text(8, 3)], framed).ids).toEqual([8, 1, 2, 8, 0, 0, 0, 0])
})
