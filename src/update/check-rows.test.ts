import { describe, expect, test } from 'vitest'
import { createDataset, type Dataset } from '../data/dataset.ts'
import { mlp } from '../model/layers/networks.ts'
import type { Model } from '../model/model.ts'
import { float32, int64, type Tensor } from '../tensor/tensor.ts'
import { checkKind, checkRows, paddedTo } from './check-rows.ts'

const model = mlp({ widths: [4, 3], classes: ['a', 'b', 'c'] })

const rows = (inputs: Tensor): Dataset =>
  createDataset({
    name: 'rows',
    inputs,
    labels: { type: 'int32', dims: [inputs.dims[0] ?? 0], data: new Int32Array(inputs.dims[0] ?? 0) },
    classes: ['a', 'b', 'c'],
  })

describe('rows', () => {
  test('that the model reads are let through', () => {
    checkRows(rows(float32([2, 4], [1, 2, 3, 4, 5, 6, 7, 8])), model, 'x.npz')
  })

  test('of another length are refused with both shapes', () => {
    expect(() => checkRows(rows(float32([2, 5])), model, 'x.npz')).toThrow(
      'x.npz: a row is [5], but the model\'s input "x" wants [4].',
    )
  })

  test('of images of another size are refused with the size that fits', () => {
    const pixels = (side: number): Tensor => ({
      ...{ type: 'uint8', dims: [2, 3, side, side] },
      data: new Uint8Array(6 * side * side),
    })
    const flat = mlp({ widths: [48, 3], classes: ['a', 'b', 'c'] })
    checkRows(rows(pixels(4)), flat, 'old')
    expect(() => checkRows(rows(pixels(8)), flat, 'old')).toThrow(
      'The model reads 48 numbers, as 4 x 4 pixels of 3 channels are. Write it into a file holdfast.json beside the model: {"resize": {"height": 4, "width": 4, ',
    )
  })

  test('that are not finite are refused by row and place', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const inputs = float32([2, 4], [1, 2, 3, 4, 5, value, 7, 8])
      expect(() => checkRows(rows(inputs), model, 'x.npz')).toThrow(
        `x.npz, row 1, value 1: ${value} is no number`,
      )
    }
  })

  test('of text are refused where the model reads numbers', () => {
    const texts: Tensor = { type: 'string', dims: [1], data: ['hello'] }
    expect(() => checkRows(rows(texts), model, 'x.csv')).toThrow(
      'x.csv: the data are texts, and the model reads numbers. Give it rows of numbers',
    )
    const tokens: Model = { ...model, input: { ...model.input, type: 'int64' } }
    expect(() => checkRows(rows(texts), tokens, 'x.csv')).toThrow('put its tokenizer.json beside the model')
  })

  test('with other labels than one class are refused by what they are', () => {
    const targets = createDataset({
      name: 'targets',
      inputs: float32([1, 4]),
      labels: float32([1, 1], [0.5]),
      classes: [],
    })
    expect(() => checkKind(targets, 'x.csv')).toThrow('x.csv: the labels are for regression')
  })
})

describe('rows of tokens', () => {
  const tokens = (ids: readonly number[], width: number): Dataset => ({
    ...rows(int64([ids.length / width, width], ids)),
    preprocessing: { scale: 1, mean: 0, std: 1, pad: 9 },
  })

  test('are filled up with the id that means nothing', () => {
    const { inputs } = paddedTo(tokens([1, 2, 3, 4], 2), 3)
    expect(inputs).toEqual(int64([2, 3], [1, 2, 9, 3, 4, 9]))
  })

  test('that are long enough stay as they are, and so does all that is no tokens', () => {
    const long = tokens([1, 2, 3, 4], 2)
    expect(paddedTo(long, 2)).toBe(long)
    const numbers = rows(float32([1, 4]))
    expect(paddedTo(numbers, 8)).toBe(numbers)
  })
})
