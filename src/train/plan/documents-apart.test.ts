import { expect, it } from 'vitest'
import type { TokenDocument } from '../../data/documents/index.ts'
import { documentsApart } from './documents-apart.ts'

const document = (...ids: number[]): TokenDocument => ({
  ...{ place: ids.join(' '), ids: Int32Array.from(ids), bytes: ids.length },
})
const [one, two, three] = [document(1, 2), document(2, 3), document(3, 4)]
const own = { source: 'own', train: [one], test: [two] }

it('warns of documents that are held out and trained on', () => {
  const { data, notes } = documentsApart([{ ...own, train: [one, document(2, 3)] }])
  expect(data).toEqual([{ ...own, train: [one, two] }])
  expect(notes).toEqual([
    expect.stringMatching(/^warning: own: 1 document that is held out is trained on, too\. .* take it out/),
  ])
  expect(documentsApart([own]).notes).toEqual([])
  expect(documentsApart([{ ...own, test: own.train }]).notes).toEqual([])
})

it('leaves documents beside the tasks out that are held out to judge by', () => {
  const more = { source: 'more', train: [document(2, 3), three], test: [three] }
  const { data, notes } = documentsApart([own, more], new Set([1]))
  expect(data).toEqual([own, { ...more, train: [three] }])
  expect(notes).toEqual([
    'more: 1 document to train on beside the tasks stands among those held out to judge by, too, and is left out of training.',
  ])
  expect(() => documentsApart([own, { ...more, train: [two] }], new Set([1]))).toThrow(/there are no others/)
})
