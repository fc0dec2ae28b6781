import { describe, expect, test } from 'vitest'
import { sequenceOf } from './decide.ts'
import { alongBestLine } from './line.ts'
import type { Guess } from './points.ts'

const line = (trial: number, alpha: number, points: readonly (readonly [loss: number, gain: number])[]) =>
  points.map(([loss, gain], offset): Guess => ({ trial, alpha, offset, loss, gain, new: gain }))

const steady = line(1, 1, [
  [0.01, 0.3],
  [0.02, 0.5],
  [0.05, 0.7],
])
const lucky = line(0, 0.25, [
  [0.004, 0.2],
  [0.015, 0.4],
  [0.06, 0.45],
])

describe('candidates along one line', () => {
  test('are those of the line that gains most in the mean, behind what seems to lose less than all on it', () => {
    expect(alongBestLine([...lucky, ...steady])).toEqual([lucky[0], ...steady])
    expect(sequenceOf([...lucky, ...steady], { before: 0, oneLine: true })).toEqual([lucky[0], ...steady])
    expect(sequenceOf([...lucky, ...steady], { before: 0 })).toEqual([
      lucky[0],
      steady[0],
      lucky[1],
      steady[1],
      steady[2],
    ])
  })

  test('do not depend on the order of the guesses, and of equals the cheaper trial is taken, nearer to the old model', () => {
    const same = (trial: number, alpha: number) => line(trial, alpha, [[0.01, 0.5]])
    const guesses = [...same(1, 0.25), ...same(0, 0.5), ...same(0, 0.25)]
    for (const mixed of [guesses, [...guesses].reverse()]) {
      expect(alongBestLine(mixed)).toEqual(same(0, 0.25))
    }
    expect(alongBestLine([])).toEqual([])
  })

  test('are judged by what they gain inside ten points, losses below nothing counting as none', () => {
    const far = line(2, 1, [
      [0.095, 0.99],
      [0.2, 1],
    ])
    const free = line(3, 1, [[-0.01, 0.6]])
    expect(alongBestLine([...far, ...steady])).toEqual(steady)
    expect(alongBestLine([...free, ...steady, ...far])).toEqual(free)
  })
})
