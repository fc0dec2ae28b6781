import fc from 'fast-check'
import { expect, it } from 'vitest'
import { randomStream } from '../../tensor/random.ts'
import { greedyBalanced } from './greedy.ts'

const counts = (labels: readonly number[], rows: Int32Array) =>
  [...new Set(labels)].map((label) => [...rows].filter((row) => labels[row] === label).length)

it('takes room from the largest class until a new one has its share, by hand', () => {
  // Two of class 1 come in, one by one, and two of class 0 go; the third finds 2 = 4 / 2 and passes.
  const labels = [0, 0, 0, 0, 1, 1, 1]
  const rows = greedyBalanced(Int32Array.from(labels), { kept: 4, capacity: 4 }, randomStream(1, 'a'))
  expect(counts(labels, rows)).toEqual([2, 2])
  // Of three classes a share is 4/3, and 1 < 4/3: the newest class gets 2 where it is offered 2.
  const three = [0, 0, 1, 1, 2, 2, 2]
  const after = greedyBalanced(Int32Array.from(three), { kept: 4, capacity: 4 }, randomStream(1, 'a'))
  expect(counts(three, after)).toEqual([1, 1, 2])
})

it('takes all where there is room, and is never above its capacity', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 50 }),
      (labels, capacity) => {
        const rows = greedyBalanced(Int32Array.from(labels), { kept: 0, capacity }, randomStream(2, 'b'))
        expect(new Set(rows).size).toBe(rows.length)
        expect(rows.length).toBeLessThanOrEqual(capacity)
        const classes = new Set(labels).size
        const share = capacity / classes
        for (const [at, count] of counts(labels, rows).entries()) {
          const there = labels.filter((label) => label === [...new Set(labels)][at]).length
          // A class that is short of its share has all of its rows, but for the rounding of shares.
          expect(count).toBeGreaterThanOrEqual(Math.min(there, Math.floor(share)) - 1)
        }
      },
    ),
  )
})

it('refuses a memory of nothing', () => {
  expect(() => greedyBalanced(Int32Array.of(0), { kept: 0, capacity: 0 }, randomStream(1, 'a'))).toThrow(
    expect.objectContaining({ code: 'memory-capacity' }),
  )
})
