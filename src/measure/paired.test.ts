import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { binomialCdf, binomialPmf, binomialUpperBound } from './binomial.ts'
import { dropTail, restrictedFlipRate } from './drop-test.ts'
import { examplesNeeded, mcnemar, nonInferiority } from './paired.ts'

describe('the binomial distribution', () => {
  it('agrees with worked values', () => {
    expect(binomialPmf(3, 10, 0.5)).toBeCloseTo(120 / 1024, 12)
    expect(binomialCdf(2, 10, 0.5)).toBeCloseTo(56 / 1024, 12)
    expect(binomialCdf(10, 10, 0.3)).toBe(1)
    expect([binomialPmf(0, 5, 0), binomialPmf(5, 5, 1), binomialPmf(6, 5, 0.5)]).toEqual([1, 1, 0])
  })
  it('bounds zero successes as 1 - tail^(1/n)', () =>
    expect(binomialUpperBound(0, 300, 0.05)).toBeCloseTo(1 - 0.05 ** (1 / 300), 10))
})

describe('non-inferiority', () => {
  it('follows the score test from 25 flips on', () => {
    const counts = { negative: 40, positive: 30, total: 10_000 }
    const answer = nonInferiority(counts, { budget: 0.01 })
    expect(answer).toMatchObject({ method: 'score', passes: true, drop: 0.001 })
    expect(answer.standardError).toBeCloseTo(Math.sqrt(70 - 0.01) / 10_000, 12)
    // At each bound the corrected statistic is -z (for the lower one with the models exchanged).
    for (const [bound, difference] of [
      [answer.upperBound, 10],
      [-answer.lowerBound, -10],
    ] as const) {
      const exchanged = difference < 0 ? { negative: 30, positive: 40, total: 10_000 } : counts
      const variance = 10_000 * (restrictedFlipRate(exchanged, bound) - bound ** 2)
      expect((difference + 0.5 - 10_000 * bound) / Math.sqrt(variance)).toBeCloseTo(-1.6448536, 4)
    }
    expect(nonInferiority({ negative: 90, positive: 10, total: 10_000 }, { budget: 0.009 }).passes).toBe(
      false,
    )
  })
  it('fits the flip rate as worked out by hand', () => {
    // All flips negative: the constant vanishes, s = max(0, (b - (2n - b) d) / 2n) = (10 - 190 * 0.02) / 200 = 0.031.
    expect(restrictedFlipRate({ negative: 10, positive: 0, total: 100 }, 0.02)).toBeCloseTo(0.082, 12)
    // A drop equal to the observed one leaves the observed rate: (12 + 4) / 100.
    expect(restrictedFlipRate({ negative: 12, positive: 4, total: 100 }, 0.08)).toBeCloseTo(0.16, 12)
  })
  it('does not take a handful of examples without flips for proof', () => {
    const few = nonInferiority({ negative: 0, positive: 0, total: 30 }, { budget: 0.01 })
    expect(few).toMatchObject({ method: 'exact', drop: 0, passes: false })
    // Without flips the bound is Clopper and Pearson's for no success in 30.
    expect(few.upperBound).toBeCloseTo(1 - 0.05 ** (1 / 30), 6)
    expect(nonInferiority({ negative: 0, positive: 0, total: 3000 }, { budget: 0.01 }).passes).toBe(true)
  })
  it('says which side of the budget is shown', () => {
    const worse = nonInferiority({ negative: 80, positive: 10, total: 1000 }, { budget: 0.01 })
    expect(worse.lowerBound).toBeGreaterThan(0.01)
    expect(worse.outsideP).toBeLessThan(0.05)
    expect(worse.insideP).toBeGreaterThan(0.95)
  })
  it('keeps its confidence: on the border it passes in at most 5 % of cases, and in most of what 5 % allows', () => {
    // Sum of P(b, c) over the outcomes that pass. More negative flips never pass where fewer fail (next test), so the
    // sum over them stops at the first that fails.
    const size = (total: number, budget: number, rate: number) => {
      let passed = 0
      for (let flips = 0; flips <= Math.min(total, 60); flips++) {
        for (let negative = 0; negative <= flips; negative++) {
          const counts = { negative, positive: flips - negative, total }
          if (dropTail(counts, budget) > 0.05) break
          passed +=
            binomialPmf(flips, total, rate) * binomialPmf(negative, flips, (rate + budget) / (2 * rate))
        }
      }
      return passed
    }
    for (const [total, budget, rate, least] of [
      [60, 0.1, 0.2, 0.03],
      [300, 0.01, 0.01, 0.045],
      [300, 0.02, 0.1, 0.035],
      [1000, 0.01, 0.02, 0.035],
    ] as const) {
      expect(size(total, budget, rate)).toBeGreaterThan(least)
      expect(size(total, budget, rate)).toBeLessThanOrEqual(0.05)
    }
  })
  it('never lets one more negative flip lower a bound, nor one more positive raise it', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), (negative, positive) => {
        const bound = (b: number, c: number) =>
          nonInferiority({ negative: b, positive: c, total: 400 }, { budget: 0.01 })
        const here = bound(negative, positive)
        expect(bound(negative + 1, positive).upperBound).toBeGreaterThanOrEqual(here.upperBound - 1e-6)
        expect(bound(negative, positive + 1).lowerBound).toBeLessThanOrEqual(here.lowerBound + 1e-6)
      }),
      { numRuns: 60 },
    )
  })
  it('turns its bounds round when the models change places', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), (b, c) => {
        const options = { budget: 0.02, confidence: 0.9 }
        const there = nonInferiority({ negative: b, positive: c, total: 200 }, options)
        const back = nonInferiority({ negative: c, positive: b, total: 200 }, options)
        expect(there.lowerBound).toBe(-back.upperBound)
        expect(there.lowerBound).toBeLessThanOrEqual(there.drop)
        expect(there.upperBound).toBeGreaterThanOrEqual(there.drop)
        expect(there.passes).toBe(there.insideP <= 0.1 + 1e-12)
        expect(there.passes).toBe(there.upperBound <= 0.02)
      }),
      { numRuns: 60 },
    )
  })
  it('takes a confidence of one half: the bounds then lie at the estimate, less the step of whole counts', () => {
    const even = nonInferiority({ negative: 20, positive: 14, total: 400 }, { budget: 0.02, confidence: 0.5 })
    expect(even.upperBound).toBeGreaterThanOrEqual(even.drop)
    expect(even.upperBound - even.drop).toBeLessThan(0.004)
    expect(even.lowerBound).toBeLessThanOrEqual(even.drop)
    const none = nonInferiority({ negative: 0, positive: 0, total: 400 }, { budget: 0.02, confidence: 0.5 })
    expect(none.upperBound).toBeCloseTo(1 - 0.5 ** (1 / 400), 6)
  })
  it.each([0.2, 0, 1, Number.NaN])('refuses a confidence of %d wherever one is asked for', (confidence) => {
    const counts = { negative: 1, positive: 0, total: 100 }
    for (const ask of [
      () => nonInferiority(counts, { budget: 0.01, confidence }),
      () => examplesNeeded({ budget: 0.01, flipRate: 0.05, confidence }),
    ]) {
      expect(ask).toThrow(expect.objectContaining({ code: 'confidence-range' }))
      expect(ask).toThrow('from 0.5 to 0.999999')
    }
  })
  it('refuses counts and confidences that cannot be', () => {
    expect(() => nonInferiority({ negative: 6, positive: 6, total: 10 }, { budget: 0.1 })).toThrow('total 10')
    expect(() => nonInferiority({ negative: 0, positive: 0, total: 0 }, { budget: 0.1 })).toThrow('above 0')
    expect(() => nonInferiority({ negative: 0, positive: 0, total: 5 }, { budget: 1 })).toThrow('below 1')
    expect(() =>
      nonInferiority({ negative: 0, positive: 0, total: 5 }, { budget: 0.1, confidence: 1 }),
    ).toThrow('0.999999')
  })
})

describe('McNemar', () => {
  it('is the exact two-sided binomial p', () => {
    // 2 (1 + 12 + 66) / 4096
    expect(mcnemar({ negative: 10, positive: 2, total: 100 })).toBeCloseTo(158 / 4096, 12)
    expect(mcnemar({ negative: 2, positive: 10, total: 100 })).toBeCloseTo(158 / 4096, 12)
    expect(mcnemar({ negative: 5, positive: 5, total: 100 })).toBe(1)
    expect(mcnemar({ negative: 0, positive: 0, total: 100 })).toBe(1)
  })
})

describe('the number of examples needed', () => {
  it('follows the formula', () => {
    // The rate fitted at a drop of 0.01: s = (0.03 + sqrt(0.03^2 + 8 * 0.025 * 0.0099)) / 4 = 0.0209164; with it
    // sigma_0 = sqrt(2 s + 0.01 - 0.0001) = 0.2274485 and sigma_1 = sqrt(0.05) = 0.2236068; their sum with 1.6448536 and
    // 0.8416212 is 0.5623117; ((0.5623117 + sqrt(0.5623117^2 + 0.02)) / 0.02)^2 = 3261.2.
    expect(examplesNeeded({ budget: 0.01, flipRate: 0.05 })).toBe(3262)
  })
  it('refuses a budget that the expected drop already spends', () => {
    expect(() => examplesNeeded({ budget: 0.01, flipRate: 0.05, drop: 0.01 })).toThrow('larger budget')
    expect(() => examplesNeeded({ budget: 0.05, flipRate: 0.01, drop: 0.02 })).toThrow('share of flips')
  })
})
