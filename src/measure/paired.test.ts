import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { binomialCdf, binomialPmf, binomialUpperBound } from './binomial.ts'
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

describe('the gate', () => {
  it('follows the formula from 25 flips on', () => {
    const gate = nonInferiority({ negative: 40, positive: 30, total: 10_000 }, { budget: 0.01 })
    expect(gate.method).toBe('normal')
    expect(gate.drop).toBeCloseTo(0.001, 12)
    expect(gate.standardError).toBeCloseTo(Math.sqrt(70 - 0.01) / 10_000, 12)
    expect(gate.upperBound).toBeCloseTo(0.001 + 1.6448536 * gate.standardError, 9)
    expect(gate.passes).toBe(true)
    expect(nonInferiority({ negative: 90, positive: 10, total: 10_000 }, { budget: 0.009 }).passes).toBe(
      false,
    )
  })
  it('does not take a handful of examples without flips for proof', () => {
    const few = nonInferiority({ negative: 0, positive: 0, total: 30 }, { budget: 0.01 })
    expect(few).toMatchObject({ method: 'exact', drop: 0, passes: false })
    // No bound may be below Clopper and Pearson's for the flips alone.
    expect(few.upperBound).toBeGreaterThanOrEqual(1 - 0.05 ** (1 / 30))
    expect(nonInferiority({ negative: 0, positive: 0, total: 3000 }, { budget: 0.01 }).passes).toBe(true)
  })
  it('bounds exactly about as the formula does where the two meet', () => {
    const exact = nonInferiority({ negative: 12, positive: 12, total: 2000 }, { budget: 0.01 })
    const normal = nonInferiority({ negative: 13, positive: 12, total: 2000 }, { budget: 0.01 })
    expect([exact.method, normal.method]).toEqual(['exact', 'normal'])
    expect(exact.upperBound).toBeGreaterThan(0.8 * normal.upperBound)
    expect(exact.upperBound).toBeLessThan(1.6 * normal.upperBound)
  })
  it('keeps its confidence: at a true drop on the budget it passes in at most 5 % of cases', () => {
    // Sum of P(b, c) over the outcomes that pass, flips (b, c) of 60 at rates 0.15 and 0.05, budget 0.1. More
    // negative flips never pass where fewer fail (next test), so the sum stops at the first that fails.
    let passed = 0
    for (let flips = 4; flips < 25; flips++) {
      for (let negative = 0; negative <= flips; negative++) {
        const counts = { negative, positive: flips - negative, total: 60 }
        if (!nonInferiority(counts, { budget: 0.1 }).passes) break
        passed += binomialPmf(flips, 60, 0.2) * binomialPmf(negative, flips, 0.75)
      }
    }
    expect(passed).toBeGreaterThan(0.001)
    expect(passed).toBeLessThanOrEqual(0.05)
  })
  it('never lets one more negative flip lower the bound', () => {
    fc.assert(
      fc.property(fc.nat(10), fc.nat(10), (negative, positive) => {
        const bound = (b: number) =>
          nonInferiority({ negative: b, positive, total: 400 }, { budget: 0.01 }).upperBound
        expect(bound(negative + 1)).toBeGreaterThanOrEqual(bound(negative) - 1e-6)
      }),
      { numRuns: 10 },
    )
  })
  it('refuses counts and confidences that cannot be', () => {
    expect(() => nonInferiority({ negative: 6, positive: 6, total: 10 }, { budget: 0.1 })).toThrow('total 10')
    expect(() => nonInferiority({ negative: 0, positive: 0, total: 0 }, { budget: 0.1 })).toThrow('above 0')
    expect(() =>
      nonInferiority({ negative: 0, positive: 0, total: 5 }, { budget: 0.1, confidence: 1 }),
    ).toThrow('0.998')
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
    // (1.6448536 + 0.8416212)^2 * 0.05 / 0.0001 = 3091.2
    expect(examplesNeeded({ budget: 0.01, flipRate: 0.05 })).toBe(3092)
    expect(examplesNeeded({ budget: 0.01, flipRate: 0.05, drop: 0.005 })).toBe(12_359)
  })
  it('refuses a budget that the expected drop already spends', () => {
    expect(() => examplesNeeded({ budget: 0.01, flipRate: 0.05, drop: 0.01 })).toThrow('larger budget')
    expect(() => examplesNeeded({ budget: 0.05, flipRate: 0.01, drop: 0.02 })).toThrow('share of flips')
  })
})
