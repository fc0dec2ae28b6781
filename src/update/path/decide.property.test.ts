import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeWeighted } from '../../measure/weighted-verdict.ts'
import { compareAll } from '../gate/gate-compare.ts'
import { sequenceOf, settle, statusOf as statusOfClaims, worthClimbing } from './decide.ts'
import type { Budget, Guess, Tested } from './points.ts'
import { proveInOrder } from './prove.ts'

const counts = fc
  .record({ total: fc.integer({ min: 1, max: 4000 }), negative: fc.nat(40), positive: fc.nat(40) })
  .filter(({ total, negative, positive }) => negative + positive <= total)
const maxDrop = fc.oneof(
  fc.constantFrom(0, 0.005, 0.01, 0.02, 0.05),
  fc.double({ min: 0, max: 0.3, noNaN: true }),
)
const confidence = fc.constantFrom(0.5, 0.8, 0.9, 0.95, 0.99)
const budgets = fc.record({ maxDrop, confidence })

/** A guess of what a candidate is worth, and what the rows that prove will say of it, which need not agree. */
interface Candidate {
  readonly guess: Guess
  readonly flips: { readonly negative: number; readonly positive: number; readonly total: number }
}

const ROWS = 400
const candidate = (trial: number) =>
  fc
    .record({
      alpha: fc.constantFrom(0, 0.25, 0.5, 0.75, 1),
      offset: fc.constantFrom(-3, 0, 0, 2.5),
      loss: fc.integer({ min: -4, max: 40 }).map((value) => value / 400),
      fresh: fc.nat(30),
      negative: fc.nat(16),
      positive: fc.nat(10),
    })
    .map(
      ({ alpha, offset, loss, fresh, negative, positive }): Candidate => ({
        guess: { trial, alpha, offset, loss, gain: fresh / 30, new: fresh / 30 },
        flips: { negative, positive, total: ROWS },
      }),
    )

/** Candidates of a few rungs each, a budget, and what the old model knows of the new rows. */
const searches = fc.record({
  budget: budgets,
  before: fc.nat(12).map((right) => right / 30),
  rungs: fc
    .integer({ min: 1, max: 3 })
    .chain((count) =>
      fc.tuple(
        ...Array.from({ length: count }, (_, trial) =>
          fc.array(candidate(trial), { minLength: 1, maxLength: 10 }),
        ),
      ),
    ),
})
const proven = { proven: true }

/** What counts come to, every row counting the same. */
const judged = (
  flips: { negative: number; positive: number; total: number },
  { maxDrop, confidence }: Budget,
) => ({
  ...judgeWeighted(flips.total === 0 ? [] : [{ share: 1, counts: flips }], { budget: maxDrop, confidence }),
  maxDrop,
})
const statusOf = (
  settled: Parameters<typeof statusOfClaims>[0],
  flips: Parameters<typeof judged>[0],
  budget: Budget,
) => statusOfClaims(settled, [judged(flips, budget)])

/** The candidates in the order of the test. */
function sequence(candidates: readonly Candidate[], before: number): Candidate[] {
  const own = new Map(candidates.map((each) => [each.guess, each]))
  return sequenceOf(
    candidates.map(({ guess }) => guess),
    { before },
  ).map((guess) => {
    const found = own.get(guess)
    if (!found) throw new Error('a candidate that was not given')
    return found
  })
}

/** What is taken, and what it is called. */
function outcome(candidates: readonly Candidate[], before: number, budget: Budget) {
  const ordered = sequence(candidates, before)
  const tested = ordered.map(({ flips }) => ({ claims: [{ ...told, ...judged(flips, budget) }] }))
  const settled = settle(tested)
  const taken = settled && ordered[settled.at]
  return { settled, taken, status: taken ? statusOf(settled, taken.flips, budget) : undefined }
}
const told: Pick<Tested['claims'][number], 'name' | 'confidence' | 'before' | 'after' | 'n' | 'flips'> = {
  ...{ name: 'deployed', confidence: 0.95, before: 1, after: 1, n: ROWS },
  flips: { negative: 0, positive: 0, total: ROWS },
}

const order = ['not-met', 'inconclusive', 'met'] as const

describe('a verdict', () => {
  test('is met only where the bound is inside the budget, and not met only where it is outside', () => {
    fc.assert(
      fc.property(counts, budgets, (flips, budget) => {
        const { lower, upper, drop } = judged(flips, budget)
        const status = statusOf(proven, flips, budget)
        if (status === 'met') expect(upper).toBeLessThanOrEqual(budget.maxDrop)
        expect(statusOf({ proven: false }, flips, budget)).not.toBe('met')
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
        expect(statusOf(proven, flips, budget)).toBe(words[verdict])
        expect(judged(flips, budget)).toMatchObject({ lower, upper, neededN })
      }),
      { numRuns: 100 },
    )
  })

  test('never gets worse with a larger budget', () => {
    fc.assert(
      fc.property(counts, budgets, maxDrop, (flips, budget, other) => {
        const [less, more] = [budget.maxDrop, other].sort((a, b) => a - b)
        const at = (maxDrop = 0) => order.indexOf(statusOf(proven, flips, { ...budget, maxDrop }) as 'met')
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
        const pair = [statusOf(proven, flips, budget), statusOf(proven, more, budget)]
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
        const at = (flipped: typeof flips) => order.indexOf(statusOf(proven, flipped, budget) as 'met')
        expect(at({ ...flips, negative: negative + 1 })).toBeLessThanOrEqual(at(flips))
      }),
      { numRuns: 300 },
    )
  })
})

describe('the order of the test', () => {
  test('does not depend on the order of guesses, and hardly on that of rungs', () => {
    fc.assert(
      fc.property(
        searches.chain(({ before, rungs }) => {
          const all = rungs.flat()
          return fc.record({
            before: fc.constant(before),
            all: fc.constant(all),
            mixed: fc.shuffledSubarray(all, { minLength: all.length }),
            renamed: fc.shuffledSubarray([0, 1, 2], { minLength: 3 }),
          })
        }),
        ({ before, all, mixed, renamed }) => {
          const guesses = sequence(all, before).map(({ guess }) => guess)
          expect(sequence(mixed, before).map(({ guess }) => guess)).toEqual(guesses)
          // Rungs in another order: of equals it may be the other's.
          const turned = all.map(({ guess, flips }) => ({
            guess: { ...guess, trial: renamed[guess.trial] ?? 0 },
            flips,
          }))
          const worth = (each: Guess) => [each.loss, each.new]
          expect(sequence(turned, before).map(({ guess }) => worth(guess))).toEqual(guesses.map(worth))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('loses more and gains more from one to the next, and nothing that does both better is left out', () => {
    fc.assert(
      fc.property(searches, ({ before, rungs }) => {
        const all = rungs.flat().map(({ guess }) => guess)
        const ordered = sequenceOf(all, { before })
        for (const [at, { loss, new: gained }] of ordered.entries()) {
          const last = ordered[at - 1]
          expect(gained).toBeGreaterThan(last?.new ?? before)
          expect(loss).toBeGreaterThanOrEqual(last?.loss ?? -1)
        }
        for (const { loss, new: gained } of all) {
          const better = ordered.some((each) => each.loss <= loss && each.new >= gained)
          expect(better || gained <= before).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('what is taken', () => {
  /** How good a result is: first what it is called, then what it gains. */
  const rank = ({ status, taken }: ReturnType<typeof outcome>) => [
    order.indexOf(status as 'met'),
    taken?.guess.new ?? 0,
  ]

  test('is called met only where its bound, and that of all before it, is inside the budget', () => {
    fc.assert(
      fc.property(searches, ({ budget, before, rungs }) => {
        const { settled, taken, status } = outcome(rungs.flat(), before, budget)
        if (!settled || !taken || status !== 'met') return
        for (const { flips } of sequence(rungs.flat(), before).slice(0, settled.at + 1))
          expect(judged(flips, budget).upper).toBeLessThanOrEqual(budget.maxDrop)
      }),
      { numRuns: 200 },
    )
  })

  test('is never met behind a failure, whatever passes there', () => {
    fc.assert(
      fc.property(searches, fc.nat(20), ({ budget, before, rungs }, place) => {
        const all = rungs.flat()
        const ordered = sequence(all, before)
        const failing = ordered[place % Math.max(1, ordered.length)]
        if (!failing) return
        const flips = { negative: ROWS, positive: 0, total: ROWS }
        const found = outcome(
          all.map((each) => (each === failing ? { ...each, flips } : each)),
          before,
          budget,
        )
        if (found.status === 'met') expect(found.settled?.at).toBeLessThan(ordered.indexOf(failing))
      }),
      { numRuns: 200 },
    )
  })

  test('is no worse with a larger budget: never a worse word, and under the same word no less of the new', () => {
    fc.assert(
      fc.property(searches, maxDrop, ({ budget, before, rungs }, other) => {
        const [less, more] = [budget.maxDrop, other].sort((a, b) => a - b)
        const [small, large] = [less, more].map((limit = 0) =>
          rank(outcome(rungs.flat(), before, { ...budget, maxDrop: limit })),
        )
        if (!small || !large) throw new Error('no ranks')
        expect(large[0]).toBeGreaterThanOrEqual(Number(small[0]))
        if (large[0] === small[0]) expect(large[1]).toBeGreaterThanOrEqual(Number(small[1]))
      }),
      { numRuns: 400 },
    )
  })

  test('does not go from met to not met where more old rows flip alike', () => {
    fc.assert(
      fc.property(searches, fc.integer({ min: 2, max: 20 }), ({ budget, before, rungs }, times) => {
        const more = rungs.flat().map(({ guess, flips }) => ({
          guess,
          flips: {
            negative: flips.negative * times,
            positive: flips.positive * times,
            total: flips.total * times,
          },
        }))
        const [few, many] = [rungs.flat(), more].map((all) => outcome(all, before, budget))
        if (few?.status === 'met') expect(many?.status).not.toBe('not-met')
      }),
      { numRuns: 200 },
    )
  })

  test('is the same whether all are tested or the test stops where it may, and what is behind is never asked', async () => {
    await fc.assert(
      fc.asyncProperty(searches, async ({ budget, before, rungs }) => {
        const ordered = sequence(rungs.flat(), before)
        const asked: Guess[] = []
        const labels = new Int32Array(ROWS)
        const own = new Map(ordered.map(({ guess, flips }) => [guess, flips]))
        const tested = await proveInOrder({
          sequence: ordered.map(({ guess }) => guess),
          // The first rows were right, the others wrong.
          claims: [
            {
              name: 'deployed',
              maxDrop: budget.maxDrop,
              before: labels.map((_, row) => Number(row >= ROWS - 10)),
            },
          ],
          labels,
          confidence: budget.confidence,
          answersOf: async (guess) => {
            asked.push(guess)
            const { negative, positive } = own.get(guess) ?? { negative: 0, positive: 0 }
            return labels.map((_, row) => Number(row < negative || row >= ROWS - 10 + positive))
          },
        })
        const { settled } = outcome(rungs.flat(), before, budget)
        expect(settle(tested)).toEqual(settled)
        expect(asked).toEqual(ordered.slice(0, tested.length).map(({ guess }) => guess))
        if (settled?.proven) expect(tested.length).toBeLessThanOrEqual(settled.at + 2)
      }),
      { numRuns: 100 },
    )
  })
})

test('whether another rung is climbed does not depend on the order of guesses, nor on rows that prove', () => {
  fc.assert(
    fc.property(searches, ({ budget, before, rungs }) => {
      const own = rungs.map((rung) => rung.map(({ guess }) => guess))
      const turned = own.map((rung) => [...rung].reverse())
      expect(worthClimbing(turned, { budget, before })).toBe(worthClimbing(own, { budget, before }))
    }),
    { numRuns: 200 },
  )
})
