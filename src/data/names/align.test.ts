import { expect, test } from 'vitest'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { createDataset } from '../dataset.ts'
import { alignLabels } from './align.ts'

const int32 = (dims: number[], ...values: number[]): Tensor<'int32'> => ({
  type: 'int32',
  dims,
  data: Int32Array.from(values),
})
const data = (classes: string[], labels: number[]) =>
  createDataset({
    name: 'new',
    inputs: float32([labels.length, 1], labels),
    labels: int32([labels.length], ...labels),
    classes,
  })

test('labels follow the names, whatever their order, and new classes come last', () => {
  const aligned = alignLabels(data(['bird', 'cat', 'dog'], [0, 1, 2, 1]), ['dog', 'fish', 'cat'])
  expect(aligned.classes).toEqual(['dog', 'fish', 'cat', 'bird'])
  expect(aligned.dataset.classes).toEqual(aligned.classes)
  expect(Array.from(aligned.dataset.labels.data)).toEqual([3, 2, 0, 2])
  expect(aligned).toMatchObject({ added: ['bird'], missing: ['fish'], nearMisses: [] })
})

test('names that differ in case or underscores are told and not taken for the same', () => {
  const aligned = alignLabels(data(['Pay Bill', 'routing'], [0, 1]), ['pay_bill', 'routing'])
  expect(aligned).toMatchObject({
    added: ['Pay Bill'],
    nearMisses: [{ data: 'Pay Bill', model: 'pay_bill' }],
  })
  const renamed = alignLabels(data(['Pay Bill', 'routing'], [0, 1]), ['routing', 'pay_bill'], {
    rename: { 'Pay Bill': 'pay_bill' },
  })
  expect(renamed).toMatchObject({ added: [], nearMisses: [] })
  expect(Array.from(renamed.dataset.labels.data)).toEqual([1, 0])
  expect(() => alignLabels(data(['x', 'y'], [0, 1]), ['y'], { rename: { x: 'y' } })).toThrow(
    'new calls classes 0 and 1 both "y"',
  )
})

test('numbers are not matched with names unless somebody says how', () => {
  const numbered = data(['0', '1'], [1, 0])
  expect(() => alignLabels(numbered, ['cat', 'dog'])).toThrow('the data has numbers only')
  expect(() => alignLabels(data(['cat', 'dog'], [0, 1]), ['0', '1'])).toThrow('the model has numbers only')
  const told = alignLabels(numbered, ['cat', 'dog', 'fish'], { numbersArePositions: true })
  expect(told).toMatchObject({ added: [], missing: ['fish'] })
  expect(Array.from(told.dataset.labels.data)).toEqual([1, 0])
  const others = alignLabels(data(['cat', 'dog'], [0, 1]), ['0', '1'], { numbersArePositions: true })
  expect(others).toMatchObject({ classes: ['0', '1'], added: [] })
  expect(Array.from(alignLabels(numbered, ['1', '0']).dataset.labels.data)).toEqual([0, 1])
})

test('columns of several classes move, and tags of tokens keep what is ignored', () => {
  const inputs = float32([2, 1], [1, 2])
  const many = createDataset({
    name: 'many',
    kind: 'multi-label',
    inputs,
    labels: float32([2, 2], [1, 0, 1, 1]),
    classes: ['b', 'c'],
  })
  expect(alignLabels(many, ['a', 'b']).dataset).toMatchObject({
    kind: 'multi-label',
    classes: ['a', 'b', 'c'],
    labels: float32([2, 3], [0, 1, 0, 0, 1, 1]),
  })
  const tags = createDataset({
    name: 'tags',
    kind: 'token-classification',
    inputs,
    labels: int32([2, 2], -100, 0, 1, -100),
    classes: ['O', 'PER'],
  })
  expect(Array.from(alignLabels(tags, ['PER', 'O']).dataset.labels.data)).toEqual([-100, 1, 0, -100])
  const targets = createDataset({ name: 'numbers', inputs, labels: float32([2, 1], [1, 2]), classes: [] })
  expect(() => alignLabels(targets, ['a'])).toThrow('numbers to predict')
})
