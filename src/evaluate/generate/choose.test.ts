import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomStream } from '../../tensor/random.ts'
import { chooseToken, type Sampling } from './choose.ts'

/** Shares 0.4, 0.3, 0.2, 0.1 in another order. */
const shares = [0.2, 0.4, 0.1, 0.3]
const logits = Float32Array.from(shares, (share) => Math.log(share) + 3)

function counts(sampling: Sampling, draws = 4000): number[] {
  const random = randomStream(1, 'test')
  const found = [0, 0, 0, 0]
  for (let draw = 0; draw < draws; draw++) {
    const { token } = chooseToken(logits, sampling, random)
    found[token] = (found[token] ?? 0) + 1
  }
  return found.map((count) => count / draws)
}

/** Four standard deviations of a share of 4,000 draws are at most 0.032. */
const near = (found: readonly number[], expected: readonly number[]): void => {
  for (const [at, share] of expected.entries()) expect(Math.abs((found[at] ?? 0) - share)).toBeLessThan(0.032)
}

describe('a token is drawn', () => {
  it('by its share', () => near(counts({ temperature: 1 }), shares))

  it('by its share at another temperature', () => {
    const squares = shares.map((share) => share ** 2)
    const sum = squares.reduce((all, one) => all + one)
    near(
      counts({ temperature: 0.5 }),
      squares.map((square) => square / sum),
    )
  })

  it('of the likeliest so many', () => {
    const found = counts({ topK: 2 })
    near(found, [0, 4 / 7, 0, 3 / 7])
    expect([found[0], found[2]]).toEqual([0, 0])
  })

  it('of the fewest that reach a share', () => {
    expect(counts({ topP: 0.35 })).toEqual([0, 1, 0, 0])
    near(counts({ topP: 0.65 }), [0, 4 / 7, 0, 3 / 7])
    near(counts({ topP: 0.75 }), [2 / 9, 4 / 9, 0, 3 / 9])
    // Of three tokens with shares 4/9, 3/9, 2/9.
    near(counts({ topK: 3, topP: 0.7 }), [0, 4 / 7, 0, 3 / 7])
  })
})

it('is the likeliest where nothing is said, at temperature 0, and of one', () => {
  for (const sampling of [{}, { temperature: 0 }, { topK: 1 }, { topP: 1e-9 }, { temperature: 0, topK: 3 }]) {
    expect(counts(sampling, 50)).toEqual([0, 1, 0, 0])
  }
  const { logProbability } = chooseToken(logits, { temperature: 0 }, randomStream(0, 'test'))
  expect(logProbability).toBeCloseTo(Math.log(0.4), 6)
})

it('is one of those that are kept, whatever the logits are', () => {
  const values = fc.array(
    fc.integer({ min: -40, max: 40 }).map((quarters) => quarters / 4),
    { minLength: 1, maxLength: 30 },
  )
  fc.assert(
    fc.property(
      values,
      fc.integer({ min: 1, max: 10 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.nat(),
      (list, topK, topP, seed) => {
        const given = Float32Array.from(list)
        const { token, logProbability } = chooseToken(given, { topK, topP }, randomStream(seed, 'test'))
        const larger = given.filter((value) => value > (given[token] ?? Number.NaN)).length
        expect(larger).toBeLessThan(topK)
        const top = Math.max(...given)
        const weights = Float64Array.from(given, (value) => Math.exp(value - top))
          .sort()
          .reverse()
          .slice(0, topK)
        const before = weights.slice(0, larger).reduce((all, one) => all + one, 0)
        expect(before).toBeLessThan(topP * weights.reduce((all, one) => all + one, 0) + 1e-9)
        expect(logProbability).toBeLessThanOrEqual(1e-6)
      },
    ),
  )
})
