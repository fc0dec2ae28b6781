import { describe, expect, it } from 'vitest'
import { toyDecoder, unevenTexts } from '../../../test/toy-language.ts'
import { type Dataset, samples } from '../../data/dataset.ts'
import { createPool } from '../../data/memory/pool.ts'
import type { BatchSource, Json, TaskContext } from '../../methods/method.ts'
import { sharedSources } from '../../methods/share-sampler.ts'
import { itemAt, present } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { likeLengths } from './like-lengths.ts'
import { createBatchSampler } from './samplers.ts'
import { stepLengths } from './step-lengths.ts'

const [fresh, old] = [unevenTexts(1, 60), unevenTexts(2, 40)]
const width = 8
const plain: BatchSource = { name: 'new', dataset: fresh, tasks: 1, size: width, weight: 1 }
const memory = { dataset: old as Dataset, tasks: new Int32Array(samples(old)) }
const sources = sharedSources([plain], memory, { share: 0.3, batchSize: width } as Pick<
  TaskContext,
  'batchSize'
> & {
  share: number
})
const pool = createPool(sources)
const lengths = present(stepLengths(toyDecoder(), sources), 'lengths')
const random = (name: string) => randomStream(1, name)
const drawn = (saved: { readonly [name: string]: Json } = {}) =>
  createBatchSampler(sources, pool, random, saved)
const dealt = (saved: { readonly [name: string]: Json } = {}) =>
  likeLengths({ sources, ...lengths, offsets: pool.offsets, random, saved, open: drawn })

/** What steps read, by the longest of their rows. */
function read(rows: Int32Array): number {
  let sum = 0
  for (let from = 0; from < rows.length; from += width) {
    const needs = [...rows.subarray(from, from + width)].map((row) => itemAt(lengths.needs, row, 'row'))
    sum += itemAt(lengths.lengths, Math.max(...needs), 'length')
  }
  return sum
}
const isOld = (row: number) => row >= samples(fresh)

describe('rows of like lengths', () => {
  it('are those that were drawn, among the steps of one pass over the new rows', () => {
    // 60 rows by 5 a step.
    const steps = 12
    const [before, after] = [drawn().next(3 * steps).rows, dealt().next(3 * steps).rows]
    expect(after).not.toEqual(before)
    for (let window = 0; window < 3; window++) {
      const part = (rows: Int32Array) =>
        rows.slice(window * steps * width, (window + 1) * steps * width).sort()
      expect(part(after)).toEqual(part(before))
    }
  })

  it('stand together, so that less is read', () => {
    const [before, after] = [drawn().next(120).rows, dealt().next(120).rows]
    expect(read(after)).toBeLessThan(0.85 * read(before))
    // Not by much more than if each row were read by itself.
    const ideal = lengths.share * present(lengths.lengths.at(-1), 'longest') * 120
    expect(read(after)).toBeLessThan(1.25 * ideal)
  })

  it('leave each step as many old ones as it had, and mix short and long steps', () => {
    const [before, after] = [drawn().next(36).rows, dealt().next(36).rows]
    const olds = (rows: Int32Array) =>
      Array.from(
        { length: 36 },
        (_, step) => [...rows.subarray(step * width, (step + 1) * width)].filter(isOld).length,
      )
    expect(olds(after)).toEqual(olds(before))
    const reads = Array.from({ length: 12 }, (_, step) =>
      read(after.subarray(step * width, (step + 1) * width)),
    )
    expect(reads).not.toEqual([...reads].sort((a, b) => a - b))
    expect(new Set(reads).size).toBeGreaterThan(1)
  })

  it('do not depend on how they are asked for, nor on a stop between', () => {
    const whole = [...dealt().next(40).rows]
    for (const stop of [1, 5, 11, 12, 13, 25]) {
      const first = dealt()
      const before = [...first.next(1).rows, ...first.next(stop).rows]
      const saved = JSON.parse(JSON.stringify(first.state())) as { [name: string]: Json }
      expect([...before, ...dealt(saved).next(39 - stop).rows]).toEqual(whole)
    }
  })

  it('are not dealt anew where a sampler plans columns beside them', () => {
    const columned = [{ ...plain, columns: { slots: 1 } }]
    const open = () => createBatchSampler([plain], createPool([plain]), random, {})
    const given = { sources: columned, ...lengths, offsets: [0, samples(fresh)], random, saved: {}, open }
    expect(likeLengths(given).next(9)).toEqual(open().next(9))
  })
})
