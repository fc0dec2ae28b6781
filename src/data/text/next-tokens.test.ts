import { expect, test } from 'vitest'
import { int64 } from '../../tensor/tensor.ts'
import { asStored, createDataset, type Dataset } from '../dataset.ts'
import { nextTokens } from './next-tokens.ts'
import { padTogether } from './pad-tokens.ts'

const texts = (rows: number, tokens: number, ids: number[]): Dataset =>
  createDataset({
    name: 'texts',
    inputs: int64([rows, tokens], ids),
    labels: { type: 'int32', dims: [rows], data: new Int32Array(rows) },
    classes: ['any'],
    preprocessing: { ...asStored, pad: 0 },
  })

test('the label of a token is the one after it; the last one and padding have none', () => {
  const found = nextTokens(texts(3, 4, [5, 0, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0]), 7)
  expect([...found.labels.data]).toEqual([0, 6, -100, -100, 2, 3, 4, -100, -100, -100, -100, -100])
  expect(found).toMatchObject({ kind: 'token-classification', classes: ['0', '1', '2', '3', '4', '5', '6'] })
})

test('tokens that the model does not know, and inputs that are no tokens, are refused', () => {
  expect(() => nextTokens(texts(2, 2, [1, 2, 3, 9]), 7)).toThrow(/row 1: token 9 is not one of the model's 7/)
  const words = { ...texts(2, 1, [1, 2]), inputs: { type: 'string' as const, dims: [2], data: ['a', 'b'] } }
  expect(() => nextTokens(words, 7)).toThrow(/expected token ids, int64 \[N, T\], found string/)
})

test('rows of several data sets are filled up to one length, and their tags with no label', () => {
  const [short, long] = padTogether([texts(2, 1, [1, 2]), texts(1, 3, [3, 4, 5])])
  expect(short?.inputs).toEqual(int64([2, 3], [1, 0, 0, 2, 0, 0]))
  expect(long?.inputs.dims).toEqual([1, 3])
  const [tagged] = padTogether([nextTokens(texts(2, 2, [1, 2, 3, 4]), 7), texts(1, 3, [3, 4, 5])])
  expect(tagged?.labels).toEqual({
    type: 'int32',
    dims: [2, 3],
    data: Int32Array.of(2, -100, -100, 4, -100, -100),
  })
})
