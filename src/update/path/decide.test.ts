import { describe, expect, test } from 'vitest'
import { judgeWeighted } from '../../measure/weighted-verdict.ts'
import { compareAll } from '../gate/gate-compare.ts'
import { choose, choosePoint, dropOf, statusOf, worthAnother } from './decide.ts'
import type { Aim, PathPoint } from './points.ts'

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
    expect(choosePoint(points, { budget, before: 0, rows: 1000 })?.alpha).toBe(0.5)
  })

  test('of equals keeps more of the old', () => {
    const points = [point({ alpha: 1, old: 0.88 }), point({ alpha: 0.75, old: 0.9 })]
    expect(choosePoint(points, { budget, before: 0, rows: 1000 })?.alpha).toBe(0.75)
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
    expect(choosePoint(points, { budget, before: 0, rows: 1000 })?.alpha).toBe(0.5)
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
    expect(choosePoint(points, { budget, before: 0, rows: 200 })?.alpha).toBe(1)
  })

  test('is the one that loses least where every point loses too much', () => {
    const points = [
      point({ alpha: 0.5, drop: 0.06, upper: 0.08 }),
      point({ alpha: 1, drop: 0.09, upper: 0.12 }),
    ]
    expect(choosePoint(points, { budget, before: 0, rows: 1000 })?.alpha).toBe(0.5)
  })

  test('knows nothing of a drop without rows', () => {
    expect(dropOf({ negative: 0, positive: 0, total: 0 }, budget)).toEqual({ drop: 0, upper: 1 })
  })
})

describe('another trial', () => {
  const aim: Aim = { budget: { maxDrop: 0.02 }, before: 0, rows: 1000 }
  const chosen = point({ alpha: 1, new: 0.9 })
  /** Where the border is shifted so far that every row goes to a new class. */
  const everythingNew = point({
    alpha: 1,
    offset: 50,
    old: 0,
    new: 1,
    drop: 0.9,
    upper: 0.92,
    flips: { negative: 900, positive: 0, total: 1000 },
  })

  test('is not worth its time where the budget holds nothing back that training has reached', () => {
    expect(worthAnother([[chosen, everythingNew]], aim)).toBe(false)
  })

  test('is where training has reached more without any shift of the border', () => {
    const held = point({
      alpha: 1,
      new: 0.97,
      drop: 0.1,
      upper: 0.12,
      flips: { negative: 100, positive: 0, total: 1000 },
    })
    expect(worthAnother([[chosen, held, everythingNew]], aim)).toBe(true)
  })

  test('is where the border at which both are right most often gives more than the budget lets through', () => {
    const low = point({ alpha: 1, new: 0.85 })
    const balanced = point({
      alpha: 1,
      offset: 2,
      old: 0.87,
      new: 0.97,
      drop: 0.03,
      upper: 0.04,
      flips: { negative: 30, positive: 0, total: 1000 },
    })
    expect(worthAnother([[low, balanced, everythingNew]], aim)).toBe(true)
  })

  test('is where little of what there is to gain was gained: later trials train longer', () => {
    const barely = point({ alpha: 1, new: 0.82 })
    expect(worthAnother([[barely]], { ...aim, before: 0.8 })).toBe(true)
    expect(worthAnother([[point({ alpha: 1, new: 0.86 })]], { ...aim, before: 0.8 })).toBe(false)
  })

  test('is where all that was gained breaks the budget, or nothing was, though there is room', () => {
    const idle = point({ alpha: 1, new: 0.8 })
    expect(worthAnother([[idle, everythingNew]], { ...aim, before: 0.8 })).toBe(true)
    expect(worthAnother([[idle]], { ...aim, before: 0.8 })).toBe(true)
  })

  test('is not where nothing can be gained, however many trials are left', () => {
    expect(worthAnother([[point({ new: 1 })]], { ...aim, before: 1 })).toBe(false)
  })
})

describe('the choice between trials', () => {
  const aim: Aim = { budget: { maxDrop: 0.02 }, before: 0.1, rows: 200 }
  /** Of few rows: its drop is estimated inside, its bound is outside. */
  const bold = (gained: number) =>
    point({
      alpha: 1,
      new: gained,
      drop: 0.005,
      upper: 0.03,
      flips: { negative: 2, positive: 1, total: 200 },
    })
  const safe = (gained: number) => point({ alpha: 0.5, new: gained })

  test('takes the point inside its bound where another, outside, gains as much', () => {
    expect(choose([[bold(0.8)], [safe(0.8)]], aim)).toMatchObject({ trial: 1 })
    expect(choose([[safe(0.8)], [bold(0.8)]], aim)).toMatchObject({ trial: 0 })
  })

  test('passes over a bold point of one trial for a safe one of another that gains half as much or more', () => {
    expect(choose([[bold(0.9)], [safe(0.7)]], aim)).toMatchObject({ trial: 1 })
    expect(choose([[bold(0.9)], [safe(0.3)]], aim)).toMatchObject({ trial: 0 })
  })
})

describe('a gain that breaks the budget', () => {
  const aim: Aim = { budget: { maxDrop: 0.02 }, before: 0.9, rows: 900 }
  const start = point({ alpha: 0, new: 0.78 })
  const dear = point({ alpha: 1, offset: 7, new: 0.95, old: 0.85, drop: 0.14, upper: 0.17 })

  test('is not taken where it loses more: the old model stays', () => {
    expect(choose([[start, dear]], aim)?.point).toBe(start)
    expect(choose([[start, dear]], { ...aim, before: 0.99 })).toBeUndefined()
    expect(choose([[start, { ...dear, new: 1 }]], { ...aim, before: 0.99 })?.point).toBe(start)
  })

  test('is shown where it gains more than it loses and nothing else does', () => {
    expect(choose([[{ ...start, new: 0.05 }, dear]], { ...aim, before: 0.1 })?.point).toBe(dear)
  })

  test('does not say that there is nothing to gain where a class is added', () => {
    expect(choose([[start]], { ...aim, before: 0.97, added: true })?.point).toBe(start)
    expect(choose([[start]], { ...aim, before: 0.97 })).toBeUndefined()
  })
})

describe('what the result is called', () => {
  const words = { pass: 'met', fail: 'not-met', inconclusive: 'inconclusive' } as const
  const chosen = { trial: 0, point: point({}) }
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
