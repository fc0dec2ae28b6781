import { expect, test } from 'vitest'
import { createDataset, type Dataset } from '../data/dataset.ts'
import { wilson } from '../measure/wilson.ts'
import { float32 } from '../tensor/tensor.ts'
import { newByClass } from './by-class.ts'

const rows = (labels: readonly number[]): Dataset =>
  createDataset({
    name: 'rows',
    inputs: float32([labels.length, 1], new Float32Array(labels.length)),
    labels: { type: 'int32', dims: [labels.length], data: Int32Array.from(labels) },
    classes: ['ant', 'bee', 'cow'],
  })

test('new rows are counted by class, with what was trained on; classes without rows are left out', () => {
  const found = newByClass({
    classes: ['ant', 'bee', 'cow'],
    oldClasses: 2,
    train: rows([0, 2, 2, 2]),
    measured: rows([2, 2, 2, 2, 0]),
    before: Int32Array.from([0, 0, 0, 0, 0]),
    after: Int32Array.from([2, 2, 2, 0, 1]),
  })
  expect(found).toEqual([
    { name: 'ant', added: false, trained: 1, n: 1, before: 1, after: 0, ...wilson(0, 1) },
    { name: 'cow', added: true, trained: 3, n: 4, before: 0, after: 0.75, ...wilson(3, 4) },
  ])
})
