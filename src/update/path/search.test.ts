import { describe, expect, test } from 'vitest'
import type { Answers } from '../../evaluate/judge.ts'
import { float32 } from '../../tensor/tensor.ts'
import { accuracyOf, flipsBetween, offsetsFor, predicted, split } from './search.ts'

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

describe('offsets', () => {
  const old = answers(
    [
      [2, 0, 1.5],
      [0, 2, 3],
    ],
    [0, 1],
  )
  const fresh = answers([[0, 1, 0.5]], [2])
  const leads = (oldClasses: number) => [old, fresh].map((each) => split(each, oldClasses).lead)

  test('are sought between the rows, where answers change, and at 0', () => {
    const found = offsetsFor(leads(2)).map((offset) => Math.round(offset * 1e6) / 1e6)
    expect(found).toEqual([-0.25, -0.166667, -0.083333, 0, 0.166667, 0.333333, 0.5])
  })

  test('are none but 0 where no class is new', () => {
    expect(offsetsFor(leads(3))).toEqual([0])
  })
})

test('accuracy is the share of predictions that are the label, and 0 of nothing', () => {
  expect(accuracyOf(Int32Array.of(0, 1, 2, 2), Int32Array.of(0, 1, 1, 2))).toBe(0.75)
  expect(accuracyOf(new Int32Array(), new Int32Array())).toBe(0)
})
