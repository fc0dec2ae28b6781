import { describe, expect, it } from 'vitest'
import { toyData } from '../../../test/toy-learning.ts'
import { createPool } from '../../data/memory/index.ts'
import type { BatchSource } from '../../methods/method.ts'
import { randomStream } from '../../tensor/random.ts'
import { inOrder } from './in-order.ts'
import { createBatchSampler } from './samplers.ts'

describe('inOrder', () => {
  const dataset = toyData({ classes: 2, perClass: 3 })
  const order = Int32Array.of(5, 0, 0, 2, 1, 4)
  const sources: readonly BatchSource[] = [
    { name: 'before', dataset, tasks: 0, size: 1, weight: 1 },
    { name: 'new', dataset, tasks: 0, size: 2, weight: 1, sampler: inOrder(order, 2) },
  ]
  const sampler = (saved = {}) =>
    createBatchSampler(sources, createPool(sources), (name) => randomStream(1, name), saved)
  const fresh = (rows: Int32Array) => [...rows].filter((_, at) => at % 3 > 0)

  it('gives the rows of an order, step after step, from where it was left', () => {
    const first = sampler()
    expect(fresh(first.next(1).rows)).toEqual([11, 6])
    const again = sampler(first.state())
    expect(fresh(again.next(2).rows)).toEqual([6, 8, 7, 10])
  })

  it('refuses steps behind the last row', () => {
    expect(() => sampler().next(4)).toThrow(expect.objectContaining({ code: 'order-short' }))
  })
})
