import { describe, expect, test } from 'vitest'
import { agreement, atChance } from './chance.ts'

/** Labels that go round `classes` classes. */
const labels = (rows: number, classes: number) => Array.from({ length: rows }, (_, row) => row % classes)

describe('agreement', () => {
  test('counts what is right, and what would be by chance', () => {
    expect(agreement([0, 0, 1, 1], [0, 0, 0, 1])).toEqual({ right: 3, total: 4, byChance: 0.5, classes: 2 })
    // Answers outside the labels agree with none.
    expect(agreement(['a', 'b'], ['c', 'c'])).toEqual({ right: 0, total: 2, byChance: 0, classes: 2 })
    expect(agreement([], [])).toEqual({ right: 0, total: 0, byChance: 0, classes: 0 })
    expect(() => agreement([1], [])).toThrow('1 label, but 0 answers')
  })
})

describe('chance', () => {
  test.each([
    ['one answer for every row', labels(400, 4), labels(400, 4).map(() => 2)],
    ['the classes in another order', labels(400, 4), labels(400, 4).map((label) => (label + 1) % 4)],
    [
      'answers that have nothing to do with the labels',
      labels(400, 4),
      labels(400, 4).map((_, row) => (row >> 2) % 4),
    ],
    [
      'the commonest class for every row',
      labels(400, 20).map((label) => (label === 0 ? 1 : 0)),
      labels(400, 1),
    ],
  ])('is what this is: %s', (_, right, answers) => {
    expect(atChance(agreement(right, answers))).toBe(true)
  })

  test.each([
    [
      'half of the rows right of many classes',
      labels(400, 20),
      labels(400, 20).map((label, row) => (row < 200 ? label : 0)),
    ],
    [
      'a rare class found now and then',
      labels(400, 20).map((label) => (label === 0 ? 1 : 0)),
      labels(400, 20).map((label, row) => (label === 0 && row % 40 === 0 ? 1 : 0)),
    ],
    ['everything right, of few rows', labels(20, 2), labels(20, 2)],
  ])('is not what this is: %s', (_, right, answers) => {
    expect(atChance(agreement(right, answers))).toBe(false)
  })

  test('cannot be told on a handful of rows, or of one class', () => {
    expect(atChance(agreement(labels(10, 2), labels(10, 1)))).toBe(false)
    expect(atChance(agreement(labels(100, 1), labels(100, 4)))).toBe(false)
  })
})
