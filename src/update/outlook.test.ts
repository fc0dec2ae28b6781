import { expect, test } from 'vitest'
import { mostAt, outlookOf } from './outlook.ts'
import type { Guess } from './path/index.ts'

const guess = (loss: number, fresh: number): Guess => ({
  ...{ trial: 0, alpha: 1, offset: 0, loss },
  ...{ gain: fresh, new: fresh },
})
const guesses = [guess(0.02, 0.5), guess(0.03, 0.4), guess(0.04, 0.7), guess(0.3, 0.9), guess(0.01, 0.05)]
const aim = { budget: { maxDrop: 0.01 }, before: 0.1 }

test('an outlook is the best of the guesses, moved to where the drop is known', () => {
  // The one that was taken lost half a point where its guess said two: all others move with it.
  const outlook = outlookOf(guesses, aim, { loss: 0.02, drop: 0.005 })
  // What is worse than another at more loss, worse than the old model, or far beyond the budget is left out.
  expect(outlook.map(({ drop, new: fresh }) => [drop.toFixed(3), fresh])).toEqual([
    ['0.005', 0.5],
    ['0.025', 0.7],
  ])
})

test('without a drop that is known there is no outlook', () => {
  expect(outlookOf(guesses, aim, undefined)).toEqual([])
})

test('the most at a drop is looked for in all outlooks', () => {
  const outlooks = [[{ drop: 0.01, new: 0.3 }], [{ drop: 0.02, new: 0.5 }], []]
  expect(mostAt(outlooks, 0.02)).toBe(0.5)
  expect(mostAt(outlooks, 0.015)).toBe(0.3)
  expect(mostAt(outlooks, 0.001)).toBeUndefined()
})
