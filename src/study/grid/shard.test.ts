import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromShard, shardOf } from './shard.ts'

const lists = fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 30 }))
const items = (length: number) => Array.from({ length }, (_, at) => at)
const parts = (length: number, of: number) =>
  Array.from({ length: of }, (_, at) => shardOf(items(length), { part: at + 1, of }))

describe('the parts of a list', () => {
  test('hold each item once, in its order', () => {
    fc.assert(
      fc.property(lists, ([length, of]) => {
        const all = parts(length, of)
        expect(all.flat().sort((a, b) => a - b)).toEqual(items(length))
        for (const part of all) expect(part).toEqual([...part].sort((a, b) => a - b))
      }),
    )
  })

  test('differ by at most one item', () => {
    fc.assert(
      fc.property(lists, ([length, of]) => {
        const sizes = parts(length, of).map((part) => part.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('share what comes back at every nth place', () => {
    // Five methods, the last of them slow, in five parts.
    const slow = parts(25, 5).map((part) => part.filter((at) => at % 5 === 4).length)
    expect(slow).toEqual([1, 1, 1, 1, 1])
  })

  test.each([
    { part: 0, of: 2 },
    { part: 3, of: 2 },
    { part: 1.5, of: 2 },
  ])('are 1 to n: not %j', (shard) => {
    expect(() => shardOf([1], shard)).toThrow(/one of 1 to n/)
  })
})

test('what everybody goes through begins with each part’s own, and has each item once', () => {
  fc.assert(
    fc.property(lists, fc.nat(29), ([length, of], at) => {
      const shard = { part: 1 + (at % of), of }
      const all = fromShard(items(length), shard)
      const own = shardOf(items(length), shard)
      expect(all.slice(0, own.length)).toEqual(own)
      expect([...all].sort((a, b) => a - b)).toEqual(items(length))
    }),
  )
})
