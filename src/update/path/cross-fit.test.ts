import { describe, expect, test } from 'vitest'
import { mean, sem } from '../../measure/statistics.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32 } from '../../tensor/tensor.ts'
import { crossFit, type Look } from './cross-fit.ts'
import { sequenceOf } from './decide.ts'
import { guessesAt } from './guess.ts'
import type { Guess } from './points.ts'

const none = { logits: float32([0, 2]), labels: new Int32Array() }
const aim = { budget: { maxDrop: 0.01 }, before: 0, added: true }

/** Candidates that answer two new classes by tossing a coin, each another one: whichever is taken is right in half of all rows. */
function coins(seed: number, count: number, rows: number): Look[] {
  const random = randomStream(seed, 'coins')
  const labels = Int32Array.from({ length: rows }, (_, row) => 1 + (row % 2))
  return Array.from({ length: count }, (_, trial) => {
    const logits = float32([rows, 3])
    for (let row = 0; row < rows; row++) logits.data[3 * row + 1 + random.integer(2)] = 1
    const request = {
      ...{ trial, alpha: (trial + 1) / count, oldClasses: 1, shift: false },
      ...{ before: none, old: { ...none, logits: float32([0, 3]) }, fresh: { logits, labels } },
    }
    return { request, guesses: guessesAt(request) }
  })
}

/** The last of the order, as where every candidate passes. */
const last = async (sequence: readonly Guess[]) => sequence.at(-1)

describe('cross-fitted new accuracy', () => {
  test('is not the better for the choice, where that on the same rows is', async () => {
    const [chosen, fitted]: [number[], number[]] = [[], []]
    for (let seed = 0; seed < 60; seed++) {
      const looks = coins(seed, 30, 50)
      const labels = looks[0]?.request.fresh.labels ?? new Int32Array()
      const found = await crossFit({ looks, labels, before: new Int32Array(50), aim, chosenOf: last })
      fitted.push(found?.after ?? Number.NaN)
      chosen.push(
        sequenceOf(
          looks.flatMap(({ guesses }) => guesses),
          aim,
        ).at(-1)?.new ?? Number.NaN,
      )
    }
    expect(mean(chosen)).toBeGreaterThan(0.62)
    expect(Math.abs(mean(fitted) - 0.5)).toBeLessThan(3 * (sem(fitted) ?? 0))
  })

  test('of one candidate is its accuracy, with the interval of as many rows', async () => {
    const [look] = coins(3, 1, 40)
    if (!look) throw new Error('no look')
    const [guess] = look.guesses
    const { labels } = look.request.fresh
    const found = await crossFit({ looks: [look], labels, before: new Int32Array(40), aim, chosenOf: last })
    expect(found).toMatchObject({ after: guess?.new, folds: 10 })
    expect(found?.lower).toBeLessThan(guess?.new ?? 0)
    expect(found?.upper).toBeGreaterThan(guess?.new ?? 1)
  })

  test('leaves out each row alone where there are few, and nothing where there is one', async () => {
    const given = (rows: number) => {
      const looks = coins(4, 3, rows)
      return {
        looks,
        labels: looks[0]?.request.fresh.labels ?? new Int32Array(),
        before: new Int32Array(rows),
        aim,
      }
    }
    expect(await crossFit({ ...given(6), chosenOf: last })).toMatchObject({ folds: 6 })
    expect(await crossFit({ ...given(1), chosenOf: last })).toBeNull()
  })

  test('puts the old model in where nothing gains without the rows left out', async () => {
    const looks = coins(5, 4, 30)
    const labels = looks[0]?.request.fresh.labels ?? new Int32Array()
    // The old model has them all right: no candidate has more.
    const found = await crossFit({
      looks,
      labels,
      before: labels,
      aim: { ...aim, added: false },
      chosenOf: last,
    })
    expect(found?.after).toBe(1)
  })
})
