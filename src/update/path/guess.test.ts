import { describe, expect, test } from 'vitest'
import type { Answers } from '../../evaluate/judge.ts'
import { float32 } from '../../tensor/tensor.ts'
import { type GuessRequest, guessesAt } from './guess.ts'

const answers = (rows: readonly (readonly number[])[], labels: readonly number[]): Answers => ({
  logits: float32([rows.length, rows[0]?.length ?? 0], rows.flat()),
  labels: Int32Array.from(labels),
})
/** Two old classes, one new. */
const before = answers(
  [
    [2, 0],
    [0, 1],
    [3, 0],
  ],
  [0, 1, 0],
)
const old = answers(
  [
    [2, 0, 1.5],
    [0, 1, 3],
    [3, 0, 0],
  ],
  [0, 1, 0],
)
const fresh = answers([[0, 1, 0.5]], [2])
const request: GuessRequest = {
  ...{ trial: 1, alpha: 0.5, before, old, fresh, oldClasses: 2, shift: true },
}

describe('what points at one alpha seem to be worth', () => {
  test('trades old for new by the offset of the new classes: more of it never loses less', () => {
    const guesses = guessesAt(request)
    const losses = guesses.map(({ loss }) => loss)
    expect([...losses].sort((a, b) => a - b)).toEqual(losses)
    expect(losses.at(-1)).toBeGreaterThan(Number(losses[0]))
    expect([guesses[0]?.new, guesses.at(-1)?.new]).toEqual([0, 1])
    for (const { trial, alpha } of guesses) expect([trial, alpha]).toEqual([1, 0.5])
  })

  test('is a loss even where no answer changes, if some come nearer to it', () => {
    const nearer = answers(
      [
        [1.1, 1],
        [0, 1],
        [3, 0],
      ],
      [0, 1, 0],
    )
    const [near] = guessesAt({ ...request, shift: false, oldClasses: 2, old: nearer })
    const [same] = guessesAt({ ...request, shift: false, oldClasses: 2, old: before })
    expect(same?.loss).toBe(0)
    expect(near?.loss).toBeGreaterThan(0.05)
  })

  test('counts rows that are lost as lost, and those that are won back', () => {
    const wrong = answers(
      [
        [0, 9],
        [9, 0],
        [0, 9],
      ].map((row) => row),
      [0, 1, 0],
    )
    const [lost] = guessesAt({ ...request, shift: false, old: wrong })
    expect(lost?.loss).toBeGreaterThan(0.8)
    const [won] = guessesAt({ ...request, shift: false, before: wrong, old: before })
    expect(won?.loss).toBeLessThan(-0.4)
  })

  test('is hard where margins do not spread: one row is right or wrong', () => {
    const one = answers([[2, 0]], [0])
    const flipped = answers([[0, 2]], [0])
    const [lost] = guessesAt({ ...request, shift: false, before: one, old: flipped })
    expect(lost?.loss).toBe(1)
  })

  test('is only an order where there are no old rows', () => {
    const nothing = answers([], [])
    const none: Answers = { ...nothing, logits: float32([0, 2]) }
    const guesses = guessesAt({ ...request, before: none, old: { ...none, logits: float32([0, 3]) } })
    const losses = guesses.map(({ loss }) => loss)
    expect([...losses].sort((a, b) => a - b)).toEqual(losses)
    expect(losses[0]).toBe(0.5)
    expect(losses.at(-1)).toBeLessThan(1.5)
  })
})
