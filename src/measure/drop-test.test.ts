import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { binomialCdf, binomialPmf } from './binomial.ts'
import { differenceCdf, dropTail, restrictedFlipRate } from './drop-test.ts'

test('a flip rate is at most 1, and a tail a probability, where every example flips', () => {
  const everyOne = { negative: 5, positive: 0, total: 5 }
  expect(restrictedFlipRate(everyOne, -0.0000016390599236731518)).toBe(1)
  expect(dropTail(everyOne, -0.0000016390599236731518)).toBe(1)
})

describe('the distribution of the difference of flips', () => {
  test('is the sum over all numbers of flips, whatever recurrence finds it', () => {
    const counts = fc.record({
      n: fc.integer({ min: 1, max: 80 }),
      difference: fc.integer({ min: -25, max: 25 }),
      drop: fc.double({ min: -1, max: 1, noNaN: true }),
      more: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(counts, ({ n, difference, drop, more }) => {
        const rate = Math.abs(drop) + more * (1 - Math.abs(drop))
        const share = rate === 0 ? 0 : Math.min(1, (rate + drop) / (2 * rate))
        let sum = 0
        for (let flips = 0; flips <= n; flips++) {
          sum += binomialPmf(flips, n, rate) * binomialCdf(Math.floor((difference + flips) / 2), flips, share)
        }
        expect(differenceCdf(difference, n, drop, rate)).toBeCloseTo(Math.min(1, sum), 9)
      }),
      { numRuns: 500 },
    )
  })
})
