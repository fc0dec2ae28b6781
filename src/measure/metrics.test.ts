import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UsageError } from '../errors.ts'
import {
  averageAccuracy,
  averageIncremental,
  backwardTransfer,
  forgetting,
  forwardTransfer,
  intransigence,
  runMetrics,
  stabilityGap,
} from './metrics.ts'

const matrix = [
  [0.9, 0.2, 0.3],
  [0.95, 0.8, 0.5],
  [0.5, 0.7, 0.9],
]

describe('figures of an accuracy matrix, by hand', () => {
  it('averages the last row', () => expect(averageAccuracy(matrix)).toBeCloseTo(0.7, 12))
  it('measures backward transfer from the diagonal', () =>
    expect(backwardTransfer(matrix)).toBeCloseTo((0.5 - 0.9 + 0.7 - 0.8) / 2, 12))
  it('measures forward transfer from the untrained model', () =>
    expect(forwardTransfer(matrix, [0.1, 0.1, 0.25])).toBeCloseTo((0.1 + 0.25) / 2, 12))
  it('measures forgetting from the best earlier row, not from the diagonal', () =>
    expect(forgetting(matrix)).toBeCloseTo((0.45 + 0.1) / 2, 12))
  it('counts an accuracy from before the task was learned', () =>
    expect(
      forgetting([
        [0.9, 0.85, 0],
        [0.9, 0.8, 0],
        [0.9, 0.7, 0.9],
      ]),
    ).toBeCloseTo(0.15 / 2, 12))
  it('measures intransigence against joint training', () =>
    expect(intransigence(matrix, [0.9, 0.9, 0.95])).toBeCloseTo(0.15 / 3, 12))
  it('averages what was seen so far over the stream', () =>
    expect(averageIncremental(matrix)).toBeCloseTo((0.9 + 0.875 + 0.7) / 3, 12))
})

describe('the stability gap', () => {
  it('is the deepest fall of an old task during a new one, though it came back', () => {
    const curve = [
      { step: 10, task: 0, accuracies: [0.1, null, null] },
      { step: 20, task: 1, accuracies: [0.3, 0.1, null] },
      { step: 30, task: 1, accuracies: [0.9, 0.8, null] },
      { step: 40, task: 2, accuracies: [null, 0.6, 0] },
    ]
    expect(stabilityGap(matrix, curve)).toBeCloseTo(0.6, 12)
  })
  it('is null where no old task was looked at', () => expect(stabilityGap(matrix, [])).toBeNull())
  it('is zero where old tasks only rose', () =>
    expect(stabilityGap(matrix, [{ step: 1, task: 1, accuracies: [0.99, 0.5, null] }])).toBe(0))
})

describe('what a run does not define', () => {
  it('leaves forgetting and transfer of a single task null', () => {
    expect(runMetrics({ matrix: [[0.9]], initial: [0.1] })).toEqual({
      averageAccuracy: 0.9,
      forgetting: null,
      backwardTransfer: null,
      forwardTransfer: null,
      averageIncremental: 0.9,
      intransigence: null,
      stabilityGap: null,
    })
  })
  it('takes one row of several tasks as trained at once', () => {
    const metrics = runMetrics({ matrix: [[0.9, 0.8]], initial: [0.1, 0.1] })
    expect(metrics.averageAccuracy).toBeCloseTo(0.85, 12)
    expect([metrics.forgetting, metrics.backwardTransfer, metrics.averageIncremental]).toEqual([
      null,
      null,
      null,
    ])
  })
  it('has no forward transfer where rows stop at their own task', () => {
    const triangle = matrix.map((row, t) => row.slice(0, t + 1))
    expect(forwardTransfer(triangle, [0.1, 0.1, 0.1])).toBeNull()
    expect(forgetting(triangle)).toBeCloseTo(0.275, 12)
  })
  it('refuses percentages, holes and an empty matrix, naming the place', () => {
    expect(() => averageAccuracy([[0.9, 98]])).toThrow('row 0, column 1')
    expect(() => backwardTransfer([[], [0.9, 0.8]])).toThrow('row 0, column 0')
    expect(() => averageAccuracy([])).toThrow(UsageError)
    expect(() => intransigence(matrix, [0.9])).toThrow('3 tasks, but got 1')
  })
})

it('never forgets less than backward transfer says was lost', () => {
  const squares = fc.integer({ min: 2, max: 6 }).chain((size) => {
    const row = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: size, maxLength: size })
    return fc.array(row, { minLength: size, maxLength: size })
  })
  fc.assert(
    fc.property(squares, (square) => {
      expect(forgetting(square) ?? 0).toBeGreaterThanOrEqual(-(backwardTransfer(square) ?? 0) - 1e-12)
    }),
  )
})
