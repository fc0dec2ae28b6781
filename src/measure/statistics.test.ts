import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { holm, mean, median, normalCdf, normalQuantile, sem } from './statistics.ts'

describe('location and spread', () => {
  it('computes mean, standard error and median of worked values', () => {
    expect(mean([2, 4, 4, 4, 5, 5, 7, 9])).toBe(5)
    // squares about the mean sum to 32: sqrt(32 / 7 / 8)
    expect(sem([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(0.7559289, 7)
    expect(median([9, 1, 5])).toBe(5)
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })
  it('has no standard error for one value and no mean for none', () => {
    expect(sem([3])).toBeUndefined()
    expect(() => mean([])).toThrow('mean of no values')
    expect(() => median([])).toThrow('median of no values')
  })
})

describe('the normal distribution', () => {
  it('agrees with printed tables', () => {
    expect(normalCdf(1)).toBeCloseTo(0.8413447460685429, 14)
    expect(normalQuantile(0.95)).toBeCloseTo(1.6448536269514722, 10)
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 10)
    expect(normalQuantile(0.5)).toBeCloseTo(0, 12)
    expect([normalCdf(-40), normalCdf(40)]).toEqual([0, 1])
  })
  it('has the quantile as inverse of the distribution', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }), (p) => {
        expect(normalCdf(normalQuantile(p))).toBeCloseTo(p, 12)
      }),
    )
  })
  it('refuses what is no probability', () => expect(() => normalQuantile(1)).toThrow('between 0 and 1'))
})

it("corrects by Holm's steps, in the order given, never above 1", () => {
  const adjusted = holm([0.01, 0.04, 0.03, 0.005])
  ;[0.03, 0.06, 0.06, 0.02].forEach((p, n) => {
    expect(adjusted[n]).toBeCloseTo(p, 12)
  })
  expect(holm([0.6, 0.7])).toEqual([1, 1])
  expect(holm([])).toEqual([])
})
