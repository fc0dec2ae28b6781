import { describe, expect, it } from 'vitest'
import { toyStream } from '../../../test/toy-learning.ts'
import { createPool } from '../../data/memory/pool.ts'
import type { BatchSource, Json } from '../../methods/method.ts'
import { randomStream } from '../../tensor/random.ts'
import { createBatchSampler } from './samplers.ts'

const stream = toyStream('class')
const source = (name: string, task: number, size: number): BatchSource => {
  const dataset = stream.tasks[task]?.train
  if (!dataset) throw new Error('no task')
  return { name, dataset, tasks: task, size, weight: 1 }
}
const sources = [source('new', 1, 4), source('old', 0, 3)]
const open = (saved: { readonly [name: string]: Json } = {}) =>
  createBatchSampler(sources, createPool(sources), (name) => randomStream(1, name), saved)

describe('the batches of several sources', () => {
  it('hold the rows of each source side by side', () => {
    const { rows } = open().next(10)
    expect(rows).toHaveLength(70)
    rows.forEach((row, at) => {
      expect(Math.floor(row / 20)).toBe(at % 7 < 4 ? 0 : 1)
    })
  })

  it('go through each source’s epochs: no row twice before all had their turn', () => {
    const rows = [...open().next(5).rows]
    const fresh = rows.filter((_, at) => at % 7 < 4)
    expect(new Set(fresh).size).toBe(20)
  })

  it('do not depend on how they are asked for, nor on a stop between', () => {
    const whole = [...open().next(13).rows]
    const first = open()
    const before = [1, 5].flatMap((steps) => [...first.next(steps).rows])
    const saved = JSON.parse(JSON.stringify(first.state())) as { [name: string]: Json }
    expect([...before, ...open(saved).next(7).rows]).toEqual(whole)
  })

  it('are of a pool that has a part for each source: rows of another would stand in for them', () => {
    const [first] = sources
    if (!first) throw new Error('there are sources')
    const less = createPool([first])
    const open = () =>
      createBatchSampler(sources, { ...less, offsets: [0] }, (name) => randomStream(1, name), {})
    expect(open).toThrow(expect.objectContaining({ code: 'missing' }))
  })

  it('need names of their own', () => {
    const twice = [source('new', 0, 2), source('new', 1, 2)]
    expect(() => createBatchSampler(twice, createPool(twice), (name) => randomStream(1, name), {})).toThrow(
      expect.objectContaining({ code: 'source-twice' }),
    )
  })
})
