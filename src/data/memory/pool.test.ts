import { describe, expect, it } from 'vitest'
import { float32, toNumbers } from '../../tensor/tensor.ts'
import { createDataset, unitPixels } from '../dataset.ts'
import { createPool } from './pool.ts'

const points = (values: number[], name = 'points') =>
  createDataset({
    name,
    inputs: float32([values.length, 1], values),
    labels: { type: 'int32', dims: [values.length], data: Int32Array.from(values, (value) => value % 2) },
    classes: ['even', 'odd'],
  })

describe('a pool', () => {
  it('lays parts one after another, with the task of each row', () => {
    const pool = createPool([
      { dataset: points([1, 2, 3]), tasks: 4 },
      { dataset: points([7, 8]), tasks: Int32Array.of(0, 1) },
    ])
    expect(toNumbers(pool.inputs)).toEqual([1, 2, 3, 7, 8])
    expect(toNumbers(pool.labels)).toEqual([1, 0, 1, 1, 0])
    expect(toNumbers(pool.tasks)).toEqual([4, 4, 4, 0, 1])
    expect(pool.offsets).toEqual([0, 3, 5])
  })

  it('refuses rows that cannot stand beside each other, and nothing at all', () => {
    const first = points([1])
    const wide = { ...points([1]), inputs: float32([1, 2]) }
    const scaled = { ...points([1]), preprocessing: unitPixels }
    const targets = { ...points([1]), labels: float32([1, 2]) }
    for (const other of [wide, scaled, targets]) {
      const parts = [first, other].map((dataset) => ({ dataset, tasks: 0 }))
      expect(() => createPool(parts)).toThrow(expect.objectContaining({ code: 'pool-mismatch' }))
    }
    expect(() => createPool([])).toThrow(expect.objectContaining({ code: 'pool-empty' }))
  })
})
