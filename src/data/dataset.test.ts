import { expect, test } from 'vitest'
import { float32, type Tensor } from '../tensor/tensor.ts'
import {
  concatenate,
  createDataset,
  type Dataset,
  fingerprint,
  rowsOfClasses,
  samples,
  subset,
  withLabels,
  withPreprocessing,
} from './dataset.ts'

const int32 = (...values: number[]): Tensor<'int32'> => ({
  type: 'int32',
  dims: [values.length],
  data: Int32Array.from(values),
})
const three = createDataset({
  name: 'three',
  inputs: float32([3, 2], [0, 1, 10, 11, 20, 21]),
  labels: int32(0, 1, 0),
  classes: ['a', 'b'],
})

test('a subset takes inputs and labels together', () => {
  const part = subset(three, Int32Array.of(2, 1), 'part')
  expect(part).toMatchObject({ name: 'part', synthetic: false, classes: ['a', 'b'] })
  expect(samples(part)).toBe(2)
  expect(Array.from(part.inputs.data as Float32Array)).toEqual([20, 21, 10, 11])
  expect(Array.from(part.labels.data)).toEqual([0, 1])
})

test('rows of classes keep their order', () => {
  expect(Array.from(rowsOfClasses(three, [0]))).toEqual([0, 2])
  expect(Array.from(rowsOfClasses(three, [1, 0]))).toEqual([0, 1, 2])
})

test('concatenating the parts of a data set gives it back, and one drawn part makes the whole drawn', () => {
  const parts = [subset(three, Int32Array.of(0)), subset(three, Int32Array.of(1, 2))]
  expect(fingerprint(concatenate(parts))).toBe(fingerprint(three))
  expect(concatenate([three, { ...three, synthetic: true }]).synthetic).toBe(true)
  expect(() => concatenate([three, { ...three, name: 'other', classes: ['a', 'c'] }])).toThrow(
    "Part 1 ('other')",
  )
  expect(() => concatenate([])).toThrow('empty')
})

test('the fingerprint depends on every part of the content and not on the name', () => {
  const original = fingerprint(three)
  expect(fingerprint({ ...three, name: 'renamed' })).toBe(original)
  const changed: Dataset[] = [
    { ...three, inputs: float32([3, 2], [0, 1, 10, 11, 20, 22]) },
    { ...three, inputs: float32([3, 2, 1], three.inputs.data as Float32Array) },
    withLabels(three, int32(0, 1, 1)),
    { ...three, classes: ['a', 'c'] },
    withPreprocessing(three, { scale: 2, mean: 0, std: 1 }),
  ]
  const all = new Set([original, ...changed.map(fingerprint)])
  expect(all.size).toBe(6)
  const texts = (...data: string[]) =>
    fingerprint({ ...three, inputs: { type: 'string', dims: [2], data }, labels: int32(0, 1) })
  expect(texts('ab', 'c')).not.toBe(texts('a', 'bc'))
})

test('bad parts are refused with the row', () => {
  expect(() => withLabels(three, int32(0, 1))).toThrow("'three' has 3 inputs but 2 labels")
  expect(() => withLabels(three, int32(0, 2, 0))).toThrow(
    "'three', row 1: label 2 is not one of the 2 classes (0 to 1)",
  )
  expect(() => withLabels(three, int32(0, 1, -1))).toThrow('row 2: label -1')
  expect(() => withPreprocessing(three, { scale: 1, mean: [0, 0, 0], std: 1 })).toThrow('mean has 3 values')
  expect(() => withPreprocessing(three, { scale: 1, mean: 0, std: [1, 0] })).toThrow('std must be positive')
})
