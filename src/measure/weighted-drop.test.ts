import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomStream } from '../tensor/random.ts'
import { gammaCdf, gammaQuantile, logGamma } from './gamma.ts'
import { nonInferiority } from './paired.ts'
import { type Stratum, weightedDrop } from './weighted-drop.ts'

const stratum = (share: number, negative: number, positive: number, total: number): Stratum => ({
  share,
  counts: { negative, positive, total },
})

describe('the gamma distribution', () => {
  it('agrees with worked values', () => {
    expect(logGamma(5)).toBeCloseTo(Math.log(24), 12)
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.sqrt(Math.PI)), 12)
    expect(gammaCdf(1, 2)).toBeCloseTo(1 - Math.exp(-2), 12)
    // 1 - exp(-x) (1 + x + x^2 / 2), both sides of the mean.
    for (const x of [1, 7]) expect(gammaCdf(3, x)).toBeCloseTo(1 - Math.exp(-x) * (1 + x + x ** 2 / 2), 12)
    expect(gammaQuantile(1, 0.95)).toBeCloseTo(-Math.log(0.05), 10)
  })
  it('has a quantile that undoes its distribution', () =>
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 500, noNaN: true }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (shape, p) => {
          expect(gammaCdf(shape, gammaQuantile(shape, p))).toBeCloseTo(p, 8)
        },
      ),
      { numRuns: 100 },
    ))
})

describe('a drop weighted by shares', () => {
  it('is the share of each kind times its drop', () => {
    const { drop, unseen } = weightedDrop([stratum(0.9, 2, 1, 500), stratum(0.1, 9, 0, 500)])
    expect(drop).toBeCloseTo(0.9 * (1 / 500) + 0.1 * (9 / 500), 12)
    expect(unseen).toBe(0)
  })
  it('is the plain drop, with the plain bounds, where every example counts the same', () => {
    const found = weightedDrop([stratum(0.25, 4, 1, 100), stratum(0.75, 8, 5, 300)])
    const plain = nonInferiority({ negative: 12, positive: 6, total: 400 }, { budget: 0.01 })
    expect(found.drop).toBeCloseTo(plain.drop, 12)
    expect(found.upper).toBeCloseTo(plain.upperBound, 9)
    expect(found.lower).toBeCloseTo(plain.lowerBound, 9)
    expect(found.effective).toBeCloseTo(400, 9)
  })
  it('without a flip allows for three where an example counts most: the rule of three of the heaviest kind', () => {
    const { upper, lower } = weightedDrop([stratum(0.8, 0, 0, 100), stratum(0.2, 0, 0, 400)])
    expect(upper).toBeCloseTo((0.8 / 100) * -Math.log(0.05), 9)
    expect(lower).toBe(-upper)
  })
  it('takes a kind without examples for lost, and for won', () => {
    const known = weightedDrop([stratum(0.6, 1, 0, 300), stratum(0.4, 0, 0, 200)])
    const found = weightedDrop([stratum(0.54, 1, 0, 300), stratum(0.36, 0, 0, 200), stratum(0.1, 0, 0, 0)])
    expect(found.unseen).toBeCloseTo(0.1, 12)
    expect(found.drop).toBeCloseTo(known.drop, 12)
    expect(found.upper).toBeCloseTo(0.9 * known.upper + 0.1, 9)
    expect(found.lower).toBeCloseTo(0.9 * known.lower - 0.1, 9)
    expect(weightedDrop([stratum(1, 0, 0, 0)])).toMatchObject({ lower: -1, upper: 1, unseen: 1 })
    expect(weightedDrop([stratum(1, 3, 1, 500), stratum(0, 0, 0, 0)]).unseen).toBe(0)
  })
  it('turns its bounds round when the models change places, and keeps them around the drop', () => {
    const counts = fc.record({ b: fc.nat(20), c: fc.nat(20), share: fc.integer({ min: 1, max: 50 }) })
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 5 }), (kinds) => {
        const sum = kinds.reduce((total, { share }) => total + share, 0)
        const strata = kinds.map(({ b, c, share }, at) => stratum(share / sum, b, c, 60 + 10 * at))
        const turned = strata.map(({ share, counts: { negative, positive, total } }) =>
          stratum(share, positive, negative, total),
        )
        const [there, back] = [weightedDrop(strata, 0.9), weightedDrop(turned, 0.9)]
        expect(there.lower).toBeCloseTo(-back.upper, 9)
        expect(there.lower).toBeLessThanOrEqual(there.drop + 1e-12)
        expect(there.upper).toBeGreaterThanOrEqual(there.drop - 1e-12)
        const worse = strata.map((each, at) =>
          at === 0
            ? stratum(each.share, each.counts.negative + 1, each.counts.positive, each.counts.total)
            : each,
        )
        expect(weightedDrop(worse, 0.9).upper).toBeGreaterThanOrEqual(there.upper - 1e-9)
      }),
      { numRuns: 60 },
    )
  })
  it('refuses shares that do not sum to 1, and confidences out of range', () => {
    expect(() => weightedDrop([stratum(0.5, 0, 0, 10)])).toThrow('sum to 0.5')
    expect(() => weightedDrop([stratum(1.5, 0, 0, 10), stratum(-0.5, 0, 0, 10)])).toThrow('0 or more')
    expect(() => weightedDrop([stratum(1, 0, 0, 10)], 0.2)).toThrow('from 0.5')
  })
})

describe('on the border, where the true drop is the bound that is asked for', () => {
  /** Rates of negative and positive flips by kind; the share of drawn tables whose upper bound is at or below the true drop. */
  const passes = (
    kinds: readonly (readonly [share: number, total: number, negative: number, positive: number])[],
    tables: number,
  ): number => {
    const random = randomStream(1, 'weighted drop')
    const truth = kinds.reduce((sum, [share, , down, up]) => sum + share * (down - up), 0)
    let passed = 0
    for (let table = 0; table < tables; table++) {
      const strata = kinds.map(([share, total, down, up]) => {
        let [negative, positive] = [0, 0]
        for (let example = 0; example < total; example++) {
          const u = random.uniform()
          if (u < down) negative++
          else if (u < down + up) positive++
        }
        return stratum(share, negative, positive, total)
      })
      if (weightedDrop(strata).upper <= truth) passed++
    }
    return passed / tables
  }
  // 1,000 tables: four standard errors of 5 % are 2.8 points. bench/weighted-simulation.ts draws 10,000.
  it.each([
    [
      'alike in all kinds',
      [
        [0.5, 120, 0.02, 0.01],
        [0.3, 120, 0.02, 0.01],
        [0.2, 120, 0.02, 0.01],
      ],
    ],
    [
      'all in the kind that counts most',
      [
        [0.6, 100, 0.05, 0],
        [0.2, 100, 0, 0],
        [0.2, 100, 0, 0],
      ],
    ],
    [
      'lost in one kind, won in the others',
      [
        [0.6, 80, 0.08, 0.01],
        [0.2, 80, 0, 0.04],
        [0.2, 80, 0, 0.04],
      ],
    ],
    [
      'with many flips',
      [
        [0.7, 100, 0.1, 0.09],
        [0.2, 100, 0.1, 0.09],
        [0.1, 100, 0.1, 0.09],
      ],
    ],
  ] as const)('passes in at most 5 %% of tables: %s', (_, kinds) => {
    const share = passes(kinds, 1000)
    expect(share).toBeLessThanOrEqual(0.078)
    // A bound that never lets anything pass would show nothing.
    expect(share).toBeGreaterThan(0.005)
  })
})
