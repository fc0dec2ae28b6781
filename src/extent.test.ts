import { expect, it } from 'vitest'
import { largest, smallest } from './extent.ts'

it('compares as Math.max and Math.min do', () => {
  for (const values of [[], [3], [1, -2, 7, 7], [Number.NaN, 1], [1, Number.NaN, 2]]) {
    expect(largest(values)).toBe(Math.max(...values))
    expect(smallest(values)).toBe(Math.min(...values))
  }
})

it('compares more values than a call has room for', () => {
  const values = Array.from({ length: 300_000 }, (_, at) => at)
  expect([smallest(values), largest(values)]).toEqual([0, 299_999])
})
