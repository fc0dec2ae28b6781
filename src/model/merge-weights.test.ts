import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { type MergePart, mergeWeights } from './merge-weights.ts'

const w = (...values: number[]): ReadonlyMap<string, Tensor> =>
  new Map([['w', float32([values.length], values)]])
const merged = (...parts: MergePart[]): number[] => toNumbers(mergeWeights(parts).get('w') ?? float32([0]))
const part = (
  name: string,
  weights: ReadonlyMap<string, Tensor>,
  more: Partial<MergePart> = {},
): MergePart => ({ name, weights, ...more })

describe('by hand', () => {
  it('is the mean, each counting its share', () => {
    expect(merged(part('a', w(1, 4)), part('b', w(3, 0)))).toEqual([2, 2])
    expect(merged(part('a', w(1, 4), { share: 3 }), part('b', w(3, 0)))).toEqual([1.5, 3])
  })

  it('is sum F theta / sum F where weights matter, and the mean where none does', () => {
    const found = merged(
      part('a', w(1, 1, 1, 5), { importance: w(3, 0, 0, 2) }),
      part('b', w(5, 5, 5, 9), { importance: w(1, 7, 0, 2) }),
    )
    expect(found).toEqual([2, 5, 3, 7])
    const shared = merged(
      part('a', w(0), { importance: w(2), share: 1 }),
      part('b', w(1), { importance: w(2), share: 3 }),
    )
    expect(shared).toEqual([0.75])
  })

  it('takes the mean of what has no importance', () => {
    const both = (value: number) => new Map([...w(value), ['mean', float32([1], [value])]])
    const found = mergeWeights([
      part('a', both(0), { importance: w(1) }),
      part('b', both(4), { importance: w(3) }),
    ])
    expect([toNumbers(found.get('w') ?? float32([0])), toNumbers(found.get('mean') ?? float32([0]))]).toEqual(
      [[3], [2]],
    )
  })
})

it('leaves what is the same in all to the last bit, does not mind the order, and stays between', () => {
  const value = fc.float({ noNaN: true, min: -100, max: 100 })
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          value,
          value,
          value,
          fc.float({ noNaN: true, min: 0, max: 10 }),
          fc.float({ noNaN: true, min: 0, max: 10 }),
        ),
        { minLength: 1, maxLength: 5 },
      ),
      (rows) => {
        const column = (at: number) => w(...rows.map((row) => row[at] ?? 0))
        const [a, b, same] = [column(0), column(1), column(2)]
        const [fa, fb] = [column(3), column(4)]
        expect(
          merged(
            part('a', same, { importance: fa }),
            part('b', same, { importance: fb }),
            part('c', same, { importance: fa }),
          ),
        ).toEqual(toNumbers(same.get('w') as Tensor))
        const one = merged(part('a', a, { importance: fa }), part('b', b, { importance: fb }))
        const other = merged(part('b', b, { importance: fb }), part('a', a, { importance: fa }))
        for (const [at, found] of one.entries()) {
          expect(Math.abs(found - (other[at] ?? Number.NaN))).toBeLessThan(1e-3)
          const [left = 0, right = 0] = rows[at] ?? []
          expect(found).toBeGreaterThanOrEqual(Math.min(left, right) - 1e-3)
          expect(found).toBeLessThanOrEqual(Math.max(left, right) + 1e-3)
        }
      },
    ),
  )
})

it.each([
  ['one model', [part('a', w(1))], /Two or more/],
  ['a share of 0', [part('a', w(1), { share: 0 }), part('b', w(1))], /share of a/],
  [
    'importance of one alone',
    [part('a', w(1), { importance: w(1) }), part('b', w(1))],
    /a says how much .* b does not/,
  ],
  [
    'a weight that one lacks',
    [part('a', w(1)), part('b', new Map([...w(1), ['v', float32([1])]]))],
    /b has a weight "v" and a has none/,
  ],
  ['other dims', [part('a', w(1)), part('b', w(1, 2))], /"w" is float32 \[2\] in b and float32 \[1\] in a/],
  [
    'importance below 0',
    [part('a', w(1), { importance: w(-1) }), part('b', w(1), { importance: w(1) })],
    /below 0/,
  ],
  [
    'importance in other dims',
    [part('a', w(1), { importance: w(1, 1) }), part('b', w(1), { importance: w(1) })],
    /is \[2\] for a weight of \[1\]/,
  ],
] as const)('refuses %s', (_, parts, message) => {
  expect(() => mergeWeights(parts)).toThrow(message)
})
