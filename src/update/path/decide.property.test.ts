import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeWeighted } from '../../measure/weighted-verdict.ts'
import { compareAll } from '../gate/gate-compare.ts'
import { assuranceOf, choose, dropOf, statusOf as statusOfClaims, worthAnother, worthOf } from './decide.ts'
import type { Aim, Budget, Choice, PathPoint } from './points.ts'

const counts = fc
  .record({ total: fc.integer({ min: 1, max: 4000 }), negative: fc.nat(40), positive: fc.nat(40) })
  .filter(({ total, negative, positive }) => negative + positive <= total)
const maxDrop = fc.oneof(
  fc.constantFrom(0, 0.005, 0.01, 0.02, 0.05),
  fc.double({ min: 0, max: 0.3, noNaN: true }),
)
const confidence = fc.constantFrom(0.5, 0.8, 0.9, 0.95, 0.99)
const budgets = fc.record({ maxDrop, confidence })

const pointsFor = ({ maxDrop, confidence }: { maxDrop: number; confidence: number }) =>
  fc
    .record({
      alpha: fc.constantFrom(0, 0.25, 0.5, 0.75, 1),
      offset: fc.constantFrom(-3, 0, 0, 2.5),
      fresh: fc.nat(30),
      negative: fc.nat(12),
      positive: fc.nat(12),
    })
    .map(({ alpha, offset, fresh, negative, positive }): PathPoint => {
      const flips = { negative, positive, total: 400 }
      return {
        alpha,
        offset,
        old: 0.9 - (negative - positive) / 400,
        new: fresh / 30,
        ...dropOf(flips, { maxDrop, confidence }),
        flips,
      }
    })

/** Trials of some points each, and what they are chosen for. */
const searches = fc
  .record({ budget: budgets, before: fc.nat(30), rows: fc.constantFrom(30, 600, 5000) })
  .chain(({ budget, before, rows }) =>
    fc.record({
      aim: fc.constant<Aim>({ budget, before: before / 30, rows }),
      trials: fc.array(fc.array(pointsFor(budget), { minLength: 1, maxLength: 8 }), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  )
const some: Choice = {
  trial: 0,
  point: {
    alpha: 1,
    offset: 0,
    old: 0.9,
    new: 0.9,
    drop: 0,
    upper: 0,
    flips: { negative: 0, positive: 0, total: 1 },
  },
}
/** What counts come to, every row counting the same. */
const judged = (
  flips: { negative: number; positive: number; total: number },
  { maxDrop, confidence }: Budget,
) => ({
  ...judgeWeighted(flips.total === 0 ? [] : [{ share: 1, counts: flips }], { budget: maxDrop, confidence }),
  maxDrop,
})
const statusOf = (
  choice: Parameters<typeof statusOfClaims>[0],
  flips: Parameters<typeof judged>[0],
  budget: Budget,
) => statusOfClaims(choice, [judged(flips, budget)])
const order = ['not-met', 'inconclusive', 'met'] as const

describe('a verdict', () => {
  test('is met only where the bound is inside the budget, and not met only where it is outside', () => {
    fc.assert(
      fc.property(counts, budgets, (flips, budget) => {
        const { lower, upper, drop } = judged(flips, budget)
        const status = statusOf(some, flips, budget)
        if (status === 'met') expect(upper).toBeLessThanOrEqual(budget.maxDrop)
        if (status === 'not-met') expect(lower).toBeGreaterThanOrEqual(budget.maxDrop)
        expect(lower).toBeLessThanOrEqual(drop + 1e-8)
        expect(upper).toBeGreaterThanOrEqual(drop - 1e-8)
      }),
      { numRuns: 300 },
    )
  })

  test('is the gate’s for the same counts', () => {
    fc.assert(
      fc.property(counts, budgets, (flips, budget) => {
        const { total, negative, positive } = flips
        const examples = Array.from({ length: total }, (_, row) => {
          const wrongBefore = row >= negative && row < negative + positive
          return {
            id: String(row),
            label: 'a',
            before: { id: String(row), label: 'a', pred: wrongBefore ? 'b' : 'a' },
            after: { id: String(row), label: 'a', pred: row < negative ? 'b' : 'a' },
            slices: [],
          }
        })
        const { verdict, lower, upper, neededN } = compareAll(examples, budget.maxDrop, budget.confidence)
        const words = { pass: 'met', fail: 'not-met', inconclusive: 'inconclusive' } as const
        expect(statusOf(some, flips, budget)).toBe(words[verdict])
        expect(judged(flips, budget)).toMatchObject({ lower, upper, neededN })
      }),
      { numRuns: 100 },
    )
  })

  test('never gets worse with a larger budget', () => {
    fc.assert(
      fc.property(counts, budgets, maxDrop, (flips, budget, other) => {
        const [less, more] = [budget.maxDrop, other].sort((a, b) => a - b)
        const at = (maxDrop = 0) => order.indexOf(statusOf(some, flips, { ...budget, maxDrop }) as 'met')
        expect(at(more)).toBeGreaterThanOrEqual(at(less))
      }),
      { numRuns: 300 },
    )
  })

  test('never goes from met to not met, or back, when more old rows flip alike', () => {
    fc.assert(
      fc.property(counts, budgets, fc.integer({ min: 2, max: 20 }), (flips, budget, times) => {
        const more = {
          total: flips.total * times,
          negative: flips.negative * times,
          positive: flips.positive * times,
        }
        const pair = [statusOf(some, flips, budget), statusOf(some, more, budget)]
        expect(new Set(pair)).not.toEqual(new Set(['met', 'not-met']))
      }),
      { numRuns: 300 },
    )
  })

  test('never gets better with more negative flips', () => {
    fc.assert(
      fc.property(counts, budgets, (flips, budget) => {
        const { negative, positive, total } = flips
        fc.pre(negative + positive < total)
        const at = (flipped: typeof flips) => order.indexOf(statusOf(some, flipped, budget) as 'met')
        expect(at({ ...flips, negative: negative + 1 })).toBeLessThanOrEqual(at(flips))
      }),
      { numRuns: 300 },
    )
  })
})

describe('the choice', () => {
  test('does not depend on the order of trials or of points', () => {
    fc.assert(
      fc.property(
        searches.chain(({ aim, trials }) =>
          fc.record({
            aim: fc.constant(aim),
            trials: fc.constant(trials),
            others: fc
              .tuple(...trials.map((points) => fc.shuffledSubarray(points, { minLength: points.length })))
              .chain((shuffled) => fc.shuffledSubarray(shuffled, { minLength: shuffled.length })),
          }),
        ),
        ({ aim, trials, others }) => {
          const [one, other] = [choose(trials, aim), choose(others, aim)]
          expect(other?.point).toEqual(one?.point)
          if (other) expect(others[other.trial]).toContain(other.point)
          expect(worthAnother(others, aim)).toBe(worthAnother(trials, aim))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('is worth no less with a larger budget, and gains no less than a point that was sure before', () => {
    fc.assert(
      fc.property(searches, maxDrop, ({ aim, trials }, other) => {
        const [less = 0, more = 0] = [aim.budget.maxDrop, other].sort((a, b) => a - b)
        const under = (maxDrop: number): Aim => ({ ...aim, budget: { ...aim.budget, maxDrop } })
        const [small, large] = [choose(trials, under(less)), choose(trials, under(more))]
        expect(large === undefined).toBe(small === undefined)
        if (!small || !large) return
        expect(worthOf(large.point, under(more))).toBeGreaterThanOrEqual(worthOf(small.point, under(less)))
        if (assuranceOf(small.point, under(less)) === 1)
          expect(large.point.new).toBeGreaterThanOrEqual(small.point.new)
      }),
      { numRuns: 500 },
    )
  })

  test('is none only where the old model is right nearly everywhere and nothing is better', () => {
    fc.assert(
      fc.property(searches, ({ aim, trials }) => {
        const best = Math.max(...trials.flat().map((point) => point.new))
        expect(choose(trials, aim) === undefined).toBe(best <= aim.before && aim.before >= 0.95)
      }),
      { numRuns: 300 },
    )
  })

  test('keeps the budget on the rows that it is made on, or gains more than it loses', () => {
    fc.assert(
      fc.property(searches, ({ aim, trials }) => {
        const chosen = choose(trials, aim)
        if (!chosen || chosen.point.drop <= aim.budget.maxDrop) return
        // Else it is the path's start, where the old model stands.
        if (chosen.point.new - aim.before <= chosen.point.drop)
          expect(chosen.point.alpha).toBe(Math.min(...trials.flat().map(({ alpha }) => alpha)))
      }),
      { numRuns: 300 },
    )
  })

  test('does not call for another trial because of a shifted border that breaks the budget', () => {
    fc.assert(
      fc.property(searches, fc.nat(30), ({ aim, trials }, fresh) => {
        const flips = { negative: 390, positive: 0, total: 400 }
        const shifted = { alpha: 1, offset: 50, old: 0, new: fresh / 30, ...dropOf(flips, aim.budget), flips }
        const [first = [], ...others] = trials
        // Where nothing else gains anything it is what is left to be shown.
        fc.pre(trials.flat().some((point) => worthOf(point, aim) > 0 && point.old + point.new > shifted.new))
        expect(worthAnother([[...first, shifted], ...others], aim)).toBe(worthAnother(trials, aim))
      }),
      { numRuns: 300 },
    )
  })
})
