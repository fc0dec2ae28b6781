import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { randomStream } from '../tensor/random.ts'
import { fewestDocuments, type Ratio, ratioBounds } from './ratio-change.ts'

/** Documents of very different lengths, whose changes have heavy tails around 2 %. */
function drawn(random: ReturnType<typeof randomStream>, count: number): Ratio[] {
  return Array.from({ length: count }, () => {
    const base = Math.exp(random.normal())
    const tail =
      random.normal() / Math.sqrt((random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2) / 3)
    return { base, change: base * (0.02 + 0.03 * tail) }
  })
}

describe('bounds of a ratio', () => {
  test.each([20, 60])('of %d documents on the border are wrong in at most one of twenty cases', (count) => {
    const random = randomStream(7, 'border')
    let [above, below] = [0, 0]
    const samples = 300
    for (let sample = 0; sample < samples; sample++) {
      const { lower, upper } = ratioBounds(drawn(random, count))
      if (upper <= 0.02) above++
      if (lower >= 0.02) below++
    }
    // 15 are allowed of 300; by chance it would be more than 22 in one of thirty cases, were it exactly so many.
    expect(above).toBeLessThanOrEqual(22)
    expect(below).toBeLessThanOrEqual(22)
    expect(above + below).toBeGreaterThan(3)
  })

  test('lie around the ratio, turn with its sign, and do not care for units', () => {
    const documents = fc.array(
      fc.record({
        change: fc.double({ min: -5, max: 5, noNaN: true }),
        base: fc.double({ min: 0.1, max: 100, noNaN: true }),
      }),
      { minLength: fewestDocuments, maxLength: 30 },
    )
    fc.assert(
      fc.property(documents, (found) => {
        const { ratio, lower, upper } = ratioBounds(found)
        expect(lower).toBeLessThanOrEqual(ratio)
        expect(upper).toBeGreaterThanOrEqual(ratio)
        const scaled = ratioBounds(found.map(({ change, base }) => ({ change: 8 * change, base: 4 * base })))
        expect(scaled.upper).toBeCloseTo(2 * upper, 6)
        expect(ratioBounds(found, 0.99).upper).toBeGreaterThanOrEqual(upper)
      }),
      { numRuns: 20 },
    )
  })

  test('are the ratio where nothing differs, and endless where there is too little to tell', () => {
    const same = Array.from({ length: 8 }, (_, at) => ({ base: at + 1, change: 0.5 * (at + 1) }))
    expect(ratioBounds(same)).toEqual({ ratio: 0.5, lower: 0.5, upper: 0.5, standardError: 0 })
    expect(ratioBounds(same.slice(0, 4))).toMatchObject({ ratio: 0.5, lower: -Infinity, upper: Infinity })
    const alone = [{ base: 1, change: 1 }, ...Array.from({ length: 6 }, () => ({ base: 0, change: 0.1 }))]
    expect(ratioBounds(alone).upper).toBe(Infinity)
  })

  test('a single long document makes them wide', () => {
    const even = Array.from({ length: 20 }, (_, at) => ({ base: 1, change: 0.01 * (at % 5) }))
    const long = even.map((one, at) => (at === 3 ? { base: 40, change: 40 * 0.03 } : one))
    const width = (found: readonly Ratio[]) => ratioBounds(found).upper - ratioBounds(found).ratio
    expect(width(long)).toBeGreaterThan(3 * width(even))
  })

  test.each([
    [[{ change: 1, base: 0 }], 0.95, 'ratio-base'],
    [
      [
        { change: 1, base: -1 },
        { change: 1, base: 3 },
      ],
      0.95,
      'ratio-base',
    ],
    [[{ change: 1, base: 1 }], 0.9999, 'confidence-range'],
    [[{ change: 1, base: 1 }], 0.4, 'confidence-range'],
  ])('refuses %j at %f', (documents, confidence, code) => {
    expect(() => ratioBounds(documents, confidence)).toThrow(expect.objectContaining({ code }))
  })
})
