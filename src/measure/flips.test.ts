import { expect, it } from 'vitest'
import { flips } from './flips.ts'

it('finds what got worse and what got better, by example', () => {
  const found = flips(['a', 'b', 'b', 'a'], ['a', 'b', 'a', 'b'], ['b', 'b', 'b', 'c'])
  expect(found).toEqual({ total: 4, negative: [0], positive: [2], negativeFlipRate: 0.25, drop: 0 })
})

it('refuses predictions that do not pair up', () => {
  expect(() => flips([0, 1], [0, 1], [0])).toThrow('2 labels, but 2 predictions before and 1 after')
  expect(() => flips([], [], [])).toThrow('at least one example')
})
