import { expect, test } from 'vitest'
import { float32, type Tensor } from '../tensor/tensor.ts'
import {
  classLabels,
  concatenate,
  createDataset,
  type Dataset,
  kindOf,
  rowsOfClasses,
  samples,
  subset,
  withLabels,
  withPreprocessing,
} from './dataset.ts'
import { duplicates, fingerprint, overlap, rowHashes } from './fingerprint.ts'

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

test('rows of texts take their documents along, which are numbered on where data sets are joined', () => {
  const texts = createDataset({
    ...three,
    documents: { of: Int32Array.of(0, 0, 1), bytes: Float64Array.of(3, 2, 7), names: ['a.txt', 'b.txt'] },
  })
  expect(subset(texts, Int32Array.of(2, 0)).documents).toEqual({
    ...{ of: Int32Array.of(1, 0), bytes: Float64Array.of(7, 3) },
    names: ['a.txt', 'b.txt'],
  })
  const both = concatenate([texts, subset(texts, Int32Array.of(2))])
  expect(both.documents).toEqual({
    of: Int32Array.of(0, 0, 1, 3),
    bytes: Float64Array.of(3, 2, 7, 7),
    names: ['a.txt', 'b.txt', 'a.txt', 'b.txt'],
  })
  expect(concatenate([texts, three]).documents).toBeUndefined()
  expect(() => createDataset({ ...subset(three, Int32Array.of(0)), documents: texts.documents })).toThrow(
    /has 1 row of texts, but documents for 3 and bytes for 3/,
  )
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

test('the kind of labels follows from their type unless it is said', () => {
  const inputs = float32([2, 1], [1, 2])
  const numbers = createDataset({ name: 'numbers', inputs, labels: float32([2, 1], [0.5, 2]), classes: [] })
  expect([kindOf(three), kindOf(numbers)]).toEqual(['classification', 'regression'])
  const many = { name: 'many', kind: 'multi-label', inputs, classes: ['a', 'b'] } as const
  expect(kindOf(createDataset({ ...many, labels: float32([2, 2], [1, 1, 0, 0]) }))).toBe('multi-label')
  expect(() => createDataset({ ...many, labels: float32([2, 1], [1, 0]) })).toThrow('one column a class')
  expect(() => createDataset({ ...many, labels: float32([2, 2], [1, 0, 2, 0]) })).toThrow(
    'row 1, position 0: label 2 is neither 0 nor 1',
  )
  const tokens = { ...many, kind: 'token-classification' } as const
  const labels: Tensor<'int32'> = { type: 'int32', dims: [2, 2], data: Int32Array.of(-100, 1, 0, -100) }
  const tagged = createDataset({ ...tokens, labels })
  expect(subset(tagged, Int32Array.of(1)).labels.data).toEqual(Int32Array.of(0, -100))
  expect(() => createDataset({ ...tokens, labels: { ...labels, data: labels.data.map(() => -1) } })).toThrow(
    'row 0, position 0: label -1',
  )
  expect(() => classLabels(tagged)).toThrow('token-classification labels')
  expect(() => concatenate([tagged, numbers])).toThrow("Part 1 ('numbers') is for regression")
  expect(() => createDataset({ ...numbers, labels: float32([2, 1], [1, Number.NaN]) })).toThrow('row 1')
  expect(fingerprint({ ...numbers, classes: ['a'], kind: 'multi-label' })).not.toBe(
    fingerprint({ ...numbers, classes: ['a'] }),
  )
})

test('rows found twice, within a data set and in two', () => {
  const inputs = float32([4, 2], [0, 1, 10, 11, 0, 1, 7, 7])
  const four = createDataset({ name: 'four', inputs, labels: int32(1, 1, 0, 0), classes: ['b', 'a'] })
  expect(duplicates(four)).toEqual([[2, 0]])
  expect(new Set(rowHashes(four)).size).toBe(3)
  // Rows 0 and 1 of the other order of classes are 'a' and 'a' here, 'a' and 'b' there.
  expect(overlap(four, three)).toEqual({
    rows: 3,
    examples: [
      [0, 0],
      [1, 1],
      [2, 0],
    ],
    conflicting: 2,
  })
  expect(overlap(three, subset(four, Int32Array.of(3))).rows).toBe(0)
  expect(() => overlap(three, { ...four, inputs: float32([4, 1], [1, 2, 3, 4]) })).toThrow(
    "'three', float32 [3, 2], cannot be compared",
  )
  const words = (...data: string[]) => ({ inputs: { type: 'string', dims: [data.length], data } as const })
  expect(rowHashes(words('x', 'y'))[1]).toBe(rowHashes(words('y'))[0])
})
