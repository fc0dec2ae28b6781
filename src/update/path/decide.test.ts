import { describe, expect, test } from 'vitest'
import { choosePoint, dropOf, nearestPoint, type PathPoint } from './decide.ts'

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
    expect(choosePoint(points, { budget, rows: 1000 })?.alpha).toBe(0.5)
  })

  test('of equals keeps more of the old', () => {
    const points = [point({ alpha: 1, old: 0.88 }), point({ alpha: 0.75, old: 0.9 })]
    expect(choosePoint(points, { budget, rows: 1000 })?.alpha).toBe(0.75)
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
    expect(choosePoint(points, { budget, rows: 1000 })?.alpha).toBe(0.5)
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
    expect(choosePoint(points, { budget, rows: 200 })?.alpha).toBe(1)
  })

  test('is none where every point loses too much; the nearest is then the one that loses least', () => {
    const points = [
      point({ alpha: 0.5, drop: 0.06, upper: 0.08 }),
      point({ alpha: 1, drop: 0.09, upper: 0.12 }),
    ]
    expect(choosePoint(points, { budget, rows: 1000 })).toBeUndefined()
    expect(nearestPoint(points)?.alpha).toBe(0.5)
  })

  test('knows nothing of a drop without rows', () => {
    expect(dropOf({ negative: 0, positive: 0, total: 0 }, budget)).toEqual({ drop: 0, upper: 1 })
  })
})
