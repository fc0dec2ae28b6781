import { describe, expect, test } from 'vitest'
import type { Answers } from '../../evaluate/judge.ts'
import { float32 } from '../../tensor/tensor.ts'
import { flipsBetween, pointsAt, predicted } from './search.ts'

const answers = (rows: readonly (readonly number[])[], labels: readonly number[]): Answers => ({
  logits: float32([rows.length, rows[0]?.length ?? 0], rows.flat()),
  labels: Int32Array.from(labels),
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
