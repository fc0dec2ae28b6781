import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { through } from './text-looks.ts'
import { textSequence } from './text-order.ts'
import type { TextGuess } from './text-update-types.ts'

const guess = (alpha: number, bound: number, gain: number, trial = 0): TextGuess => ({
  ...{ trial, alpha, loss: bound, bound, gain },
})

/** A way on which what is lost grows as the square and what is gained bends. */
const way = (most: number, trial = 0) =>
  Array.from({ length: 64 }, (_, at) => {
    const alpha = (at + 1) / 64
    return guess(alpha, most * alpha ** 2, alpha * (2 - alpha), trial)
  })

describe('the order of candidates', () => {
  it('goes from the least bound on, each with more saved, in steps worth a test', () => {
    const order = textSequence(way(0.12))
    expect(order.length).toBeGreaterThan(8)
    expect(order.length).toBeLessThan(30)
    expect(order.at(-1)?.alpha).toBe(1)
    for (const [at, one] of order.slice(1).entries()) {
      const before = order[at] as TextGuess
      expect(one.gain).toBeGreaterThan(before.gain)
      expect(one.bound - before.bound).toBeGreaterThan(0)
    }
  })

  it('has a candidate not far below any budget from a tenth of a percent on', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 0.1, noNaN: true }), (budget) => {
        const inside = textSequence(way(0.12)).filter(({ bound }) => bound <= budget)
        expect(inside.at(-1)?.bound ?? 0).toBeGreaterThan(0.4 * budget - 0.0005)
      }),
    )
  })

  it('leaves out what saves nothing, and what loses more than another that saves more', () => {
    const order = textSequence([...way(0.1), ...way(0.05, 1), guess(1, 0.001, -0.2, 2)])
    expect(order.length).toBeGreaterThan(0)
    expect(new Set(order.map(({ trial }) => trial))).toEqual(new Set([1]))
  })

  it('takes one way that gains without losing to its end', () => {
    const order = textSequence(way(-0.02))
    expect(order.map(({ alpha }) => alpha)).toEqual([0.125, 0.25, 0.5, 1])
  })

  it('begins before a candidate that seems to lose nothing, where its way does not lose either', () => {
    const losing = way(-0.02).map((one) => (one.alpha < 0.3 ? { ...one, loss: 0.004, bound: 0.005 } : one))
    expect(textSequence(losing).map(({ alpha }) => alpha)).toEqual([0.5, 1])
    const worse = way(-0.02).map((one) => (one.alpha < 0.3 ? { ...one, gain: -0.1 } : one))
    expect(textSequence(worse).map(({ alpha }) => alpha)).toEqual([0.5, 1])
    // Of a way that is short the points before are few, and none comes twice.
    const near = way(-0.02).filter(({ alpha }) => alpha <= 3 / 64)
    expect(textSequence(near).map(({ alpha }) => alpha)).toEqual([1 / 64, 3 / 64])
  })
})

describe('what lies between looks', () => {
  it('is the polynomial through them', () => {
    const f = through([0, 0.25, 0.5, 0.75, 1].map((x) => ({ x, y: 3 * x ** 4 - x + 2 })))
    for (const x of [0.1, 0.33, 0.9]) expect(f(x)).toBeCloseTo(3 * x ** 4 - x + 2, 10)
  })
})
