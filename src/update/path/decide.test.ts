import { describe, expect, test } from 'vitest'
import { judgeWeighted } from '../../measure/weighted-verdict.ts'
import { compareAll } from '../gate/gate-compare.ts'
import { heldBack, nothingToGain, sequenceOf, settle, startOf, statusOf, worthClimbing } from './decide.ts'
import type { Aim, Guess } from './points.ts'

const guess = (parts: Partial<Guess>): Guess => ({
  trial: 0,
  alpha: 0.5,
  offset: 0,
  loss: 0,
  gain: parts.new ?? 0.5,
  new: 0.5,
  ...parts,
})

/** What so many flips of 1,000 rows come to, held to a budget. */
const tested = (negative: number, positive = 0, budget = 0.02, total = 1000) => {
  const counts = { negative, positive, total }
  return { claims: [{ ...claimLike, ...judgeWeighted([{ share: 1, counts }], { budget }), maxDrop: budget }] }
}
const claimLike = {
  name: 'deployed',
  confidence: 0.95,
  before: 1,
  after: 1,
  n: 1000,
  flips: { negative: 0, positive: 0, total: 1000 },
} as const

describe('the order of the test', () => {
  const order = (guesses: readonly Guess[], before = 0) =>
    sequenceOf(guesses, { before }).map(({ loss, new: gained }) => [loss, gained])

  test('goes from the least loss on, each with more of the new right than all before', () => {
    const guesses = [
      guess({ loss: 0.03, new: 0.8 }),
      guess({ loss: 0.01, new: 0.4 }),
      guess({ loss: 0.02, new: 0.3 }),
      guess({ loss: 0.05, new: 0.8 }),
      guess({ loss: 0.9, new: 1 }),
    ]
    expect(order(guesses)).toEqual([
      [0.01, 0.4],
      [0.03, 0.8],
      [0.9, 1],
    ])
  })

  test('leaves out what gains nothing over the old model', () => {
    expect(order([guess({ loss: 0, new: 0.7 }), guess({ loss: 0.1, new: 0.71 })], 0.7)).toEqual([[0.1, 0.71]])
    expect(order([guess({ new: 0.5 })], 0.5)).toEqual([])
  })

  test('mixes the rungs: a dear one that loses less comes first, and of equals the cheaper is taken', () => {
    const guesses = [
      guess({ trial: 1, loss: 0.01, new: 0.4 }),
      guess({ trial: 0, loss: 0.02, new: 0.6 }),
      guess({ trial: 1, loss: 0.03, new: 0.7 }),
      guess({ trial: 0, loss: 0.03, new: 0.7 }),
    ]
    expect(sequenceOf(guesses, { before: 0 }).map(({ trial }) => trial)).toEqual([1, 0, 0])
  })

  test('keeps first and last of very many, and no more than it has time to test', () => {
    const many = Array.from({ length: 900 }, (_, at) => guess({ loss: at / 900, new: (at + 1) / 900 }))
    const kept = sequenceOf(many, { before: 0 })
    expect(kept).toHaveLength(240)
    expect([kept[0], kept.at(-1)]).toEqual([many[0], many.at(-1)])
    expect(new Set(kept.map(({ new: gained }) => gained)).size).toBe(240)
  })
})

describe('of candidates that get as many of the new rows right', () => {
  test('each has more gained than the one before, softly counted, and more right than the old model', () => {
    const gaining = (loss: number, gain: number, right: number) => guess({ loss, gain, new: right })
    const found = sequenceOf(
      [gaining(0.01, 0.3, 0.5), gaining(0.02, 0.4, 0.5), gaining(0.03, 0.35, 0.6), gaining(0.04, 0.5, 0.2)],
      { before: 0.2 },
    )
    expect(found.map(({ loss }) => loss)).toEqual([0.01, 0.02])
  })
})

describe('of those tested', () => {
  test('the last before the first that fails is taken, however well those behind it do', () => {
    expect(settle([tested(0), tested(5), tested(8), tested(19), tested(2)])).toEqual({ at: 2, proven: true })
  })

  test('all may pass', () => {
    expect(settle([tested(0), tested(5)])).toEqual({ at: 1, proven: true })
    expect(settle([])).toBeUndefined()
  })

  test('nothing is proven where the first fails, whatever passes behind it', () => {
    expect(settle([tested(14), tested(16), tested(25), tested(0)])).toEqual({ at: 1, proven: false })
    expect(settle([tested(14), tested(2), tested(25)])).toEqual({ at: 1, proven: false })
    expect(statusOf({ proven: false }, tested(2).claims)).toBe('inconclusive')
    expect(statusOf({ proven: true }, tested(2).claims)).toBe('met')
  })

  test('the first is what is shown where all lose too much', () => {
    expect(settle([tested(60), tested(90)])).toEqual({ at: 0, proven: false })
    expect(statusOf({ proven: false }, tested(60).claims)).toBe('not-met')
  })
})

describe('another rung', () => {
  const aim: Aim = { budget: { maxDrop: 0.02 }, before: 0 }

  test('is climbed where there is none yet, and where there is something left to gain', () => {
    expect(worthClimbing([], aim)).toBe(true)
    expect(worthClimbing([[guess({ loss: 0.01, new: 0.6 })]], aim)).toBe(true)
  })

  test('is not climbed where nearly all of the new is right inside the budget', () => {
    expect(worthClimbing([[guess({ loss: 0.01, new: 0.995 })]], aim)).toBe(false)
    expect(worthClimbing([[guess({ loss: 0.03, new: 0.995 })]], aim)).toBe(true)
  })

  test('is not climbed where the last one won little, nor because of what breaks the budget', () => {
    const [first, idle, more] = [0.6, 0.605, 0.7].map((gained) => [guess({ loss: 0.01, new: gained })])
    if (!first || !idle || !more) throw new Error('no rungs')
    expect(worthClimbing([first, idle], aim)).toBe(false)
    expect(worthClimbing([first, more], aim)).toBe(true)
    expect(worthClimbing([first, more, more], aim)).toBe(false)
    expect(worthClimbing([first, [guess({ loss: 0.3, new: 0.9 })]], aim)).toBe(false)
  })

  test('is tried above the first, however little that won', () => {
    expect(worthClimbing([[guess({ loss: 0.01, new: 0.001 })]], aim)).toBe(true)
  })
})

describe('where nothing gains', () => {
  const aim: Aim = { budget: { maxDrop: 0.02 }, before: 0.97 }

  test('the old model stays if it answers nearly all new rows right and no class is added', () => {
    expect(nothingToGain(aim)).toBe(true)
    expect(nothingToGain({ ...aim, added: true })).toBe(false)
    expect(nothingToGain({ ...aim, before: 0.9 })).toBe(false)
  })

  test('the start of the path is shown, with new classes answered least', () => {
    const start = guess({ alpha: 0, offset: -4 })
    expect(startOf([guess({ alpha: 1, offset: -9 }), guess({ alpha: 0 }), start])).toBe(start)
    expect(startOf([])).toBeUndefined()
  })
})

describe('what the budget held back', () => {
  const chosen = guess({ new: 0.5 })

  test('is what training reached without shifting the border, where that is much more', () => {
    const end = guess({ alpha: 1, loss: 0.3, new: 0.9 })
    expect(heldBack([[chosen], [chosen, end]], chosen)).toEqual({ trial: 1, reached: 0.9, chosen: 0.5 })
    expect(heldBack([[chosen, guess({ new: 0.54 })]], chosen)).toBeNull()
    expect(heldBack([[chosen, end]], undefined)).toBeNull()
  })

  test('is not what a border gives that takes every row for new', () => {
    const everything = guess({ alpha: 1, offset: 50, loss: 1, new: 1 })
    const balanced = guess({ alpha: 1, offset: 2, loss: 0.05, new: 0.8 })
    expect(heldBack([[chosen, everything]], chosen)).toBeNull()
    expect(heldBack([[chosen, balanced, everything]], chosen)?.reached).toBe(0.8)
  })
})

describe('what the result is called', () => {
  const words = { pass: 'met', fail: 'not-met', inconclusive: 'inconclusive' } as const
  const chosen = { proven: true }
  /** As many rows, so many of them right before and wrong after, and so many the reverse. */
  const gateOn = (total: number, negative: number, positive: number, budget: number) =>
    compareAll(
      Array.from({ length: total }, (_, row) => ({
        id: String(row),
        label: 'a',
        before: {
          id: String(row),
          label: 'a',
          pred: row < negative || row >= negative + positive ? 'a' : 'b',
        },
        after: { id: String(row), label: 'a', pred: row < negative ? 'b' : 'a' },
        slices: [],
      })),
      budget,
      0.95,
    ).verdict

  test.each([
    [300, 6, 0, 0.005],
    [300, 5, 0, 0.005],
    [1000, 10, 1, 0.005],
    [300, 0, 0, 0.01],
    [100, 0, 0, 0.01],
    [1000, 20, 4, 0.01],
    [1000, 2, 4, 0],
    [60, 1, 0, 0],
  ])(
    '%i rows, %i flips down, %i up, budget %f: what the gate calls it',
    (total, negative, positive, budget) => {
      const counts = { negative, positive, total }
      const claim = { ...judgeWeighted([{ share: 1, counts }], { budget }), maxDrop: budget }
      expect(statusOf(chosen, [claim])).toBe(words[gateOn(total, negative, positive, budget)])
    },
  )

  test('is not the word for a broken budget where there is nothing to gain', () => {
    expect(statusOf(undefined, [{ maxDrop: 0.01, verdict: 'pass' }])).toBe('nothing-to-gain')
  })
})
