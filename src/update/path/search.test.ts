import { describe, expect, test } from 'vitest'
import type { Answers } from '../../evaluate/judge.ts'
import { float32 } from '../../tensor/tensor.ts'
import {
  choosePoint,
  dropOf,
  flipsBetween,
  nearestPoint,
  type PathPoint,
  pointsAt,
  predicted,
} from './search.ts'

const answers = (rows: readonly (readonly number[])[], labels: readonly number[]): Answers => ({
  logits: float32([rows.length, rows[0]?.length ?? 0], rows.flat()),
  labels: Int32Array.from(labels),
})

const point = (parts: Partial<PathPoint>): PathPoint => ({
  alpha: 0.5,
  offset: 0,
  old: 0.9,
  new: 0.5,
  drop: 0,
  upper: 0.005,
  flips: { negative: 0, positive: 0, total: 1000 },
  ...parts,
})

describe('answers', () => {
  test('fall to the largest logit, a new class winning only above the offset', () => {
    const given = answers(
      [
        [1, 0, 3],
        [1, 0, 0.5],
      ],
      [2, 0],
    )
    expect([...predicted(given, 2, 0)]).toEqual([2, 0])
    expect([...predicted(given, 2, 1)]).toEqual([2, 2])
    expect([...predicted(given, 2, -2.5)]).toEqual([0, 0])
    // All classes are old: there is nothing to shift.
    expect([...predicted(given, 3, 9)]).toEqual([2, 0])
  })

  test('flip where right and wrong change places', () => {
    const [before, after, labels] = [
      [0, 1, 1, 0],
      [0, 0, 1, 1],
      [0, 1, 0, 1],
    ].map((values) => Int32Array.from(values)) as [Int32Array, Int32Array, Int32Array]
    expect(flipsBetween(before, after, labels)).toEqual({ negative: 1, positive: 1, total: 4 })
  })
})

describe('the points at one alpha', () => {
  const old = answers(
    [
      [2, 0, 1.5],
      [0, 2, 3],
    ],
    [0, 1],
  )
  const fresh = answers([[0, 1, 0.5]], [2])

  test('trade old for new accuracy by the offset of new classes', () => {
    const points = pointsAt({
      alpha: 1,
      answers: { old, new: fresh },
      baseline: Int32Array.of(0, 1),
      oldClasses: 2,
      budget: { maxDrop: 0.5 },
      offsets: [-2, 0, 0.6],
    })
    expect(points.map((each) => [each.offset, each.old, each.new, each.drop])).toEqual([
      [-2, 1, 0, 0],
      [0, 0.5, 0, 0.5],
      [0.6, 0, 1, 1],
    ])
  })

  test('are sought between the rows, where answers change, and at 0', () => {
    const points = pointsAt({
      alpha: 1,
      answers: { old, new: fresh },
      baseline: Int32Array.of(0, 1),
      oldClasses: 2,
      budget: { maxDrop: 0.5 },
    })
    expect(points.map(({ offset }) => offset)).toEqual([-0.25, 0, 0.5])
  })

  test('are one where no class is new', () => {
    const points = pointsAt({
      alpha: 1,
      answers: { old, new: fresh },
      baseline: Int32Array.of(0, 1),
      oldClasses: 3,
      budget: { maxDrop: 0.5 },
    })
    expect(points).toHaveLength(1)
  })
})

describe('the choice', () => {
  const budget = { maxDrop: 0.02 }

  test('is the best new accuracy among points inside the budget', () => {
    const points = [
      point({ alpha: 0.25, new: 0.5 }),
      point({ alpha: 0.5, new: 0.7 }),
      point({
        alpha: 1,
        new: 0.9,
        drop: 0.05,
        upper: 0.07,
        flips: { negative: 50, positive: 0, total: 1000 },
      }),
    ]
    expect(choosePoint(points, budget, 1000)?.alpha).toBe(0.5)
  })

  test('of equals keeps more of the old', () => {
    const points = [point({ alpha: 1, old: 0.88 }), point({ alpha: 0.75, old: 0.9 })]
    expect(choosePoint(points, budget, 1000)?.alpha).toBe(0.75)
  })

  test('passes over a point at the very border for one that the check will probably confirm', () => {
    const points = [
      point({ alpha: 0.5, new: 0.7 }),
      point({
        alpha: 1,
        new: 0.72,
        drop: 0.012,
        upper: 0.0199,
        flips: { negative: 18, positive: 6, total: 1000 },
      }),
    ]
    expect(choosePoint(points, budget, 1000)?.alpha).toBe(0.5)
  })

  test('takes a useful point that few rows cannot confirm over a sure one that gains little', () => {
    const points = [
      point({ alpha: 0, new: 0.1 }),
      point({ alpha: 0.25, new: 0.2 }),
      point({
        alpha: 1,
        new: 0.9,
        drop: 0.005,
        upper: 0.03,
        flips: { negative: 2, positive: 1, total: 200 },
      }),
    ]
    expect(choosePoint(points, budget, 200)?.alpha).toBe(1)
  })

  test('is none where every point loses too much; the nearest is then the one that loses least', () => {
    const points = [
      point({ alpha: 0.5, drop: 0.06, upper: 0.08 }),
      point({ alpha: 1, drop: 0.09, upper: 0.12 }),
    ]
    expect(choosePoint(points, budget, 1000)).toBeUndefined()
    expect(nearestPoint(points)?.alpha).toBe(0.5)
  })

  test('knows nothing of a drop without rows', () => {
    expect(dropOf({ negative: 0, positive: 0, total: 0 }, budget)).toEqual({ drop: 0, upper: 1 })
  })
})
