import { expect, test } from 'vitest'
import { int64 } from '../../tensor/tensor.ts'
import { asStored, createDataset, type Dataset } from '../dataset.ts'
import { padTogether } from './pad-tokens.ts'

const texts = (rows: number, tokens: number, ids: number[]): Dataset =>
  createDataset({
    name: 'texts',
    inputs: int64([rows, tokens], ids),
    labels: { type: 'int32', dims: [rows], data: new Int32Array(rows) },
    classes: ['any'],
    preprocessing: { ...asStored, pad: 0 },
  })

test('rows of several data sets are filled up to one length, and their tags with no label', () => {
  const [short, long] = padTogether([texts(2, 1, [1, 2]), texts(1, 3, [3, 4, 5])])
  expect(short?.inputs).toEqual(int64([2, 3], [1, 0, 0, 2, 0, 0]))
  expect(long?.inputs.dims).toEqual([1, 3])
  const tagged = createDataset({
    ...texts(1, 2, [1, 2]),
    kind: 'token-classification',
    labels: { type: 'int32', dims: [1, 2], data: Int32Array.of(0, -100) },
  })
  const [wider] = padTogether([tagged, texts(1, 3, [3, 4, 5])])
  expect(wider?.labels).toEqual({ type: 'int32', dims: [1, 3], data: Int32Array.of(0, -100, -100) })
})
