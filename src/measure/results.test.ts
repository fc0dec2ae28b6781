import { expect, it } from 'vitest'
import { type RunResult, summarise } from './results.ts'

const run = (
  method: string,
  scenario: RunResult['scenario'],
  seed: number,
  averageAccuracy: number,
): RunResult => ({
  benchmark: 'split-mnist',
  method,
  scenario,
  seed,
  averageAccuracy,
  forgetting: null,
  backwardTransfer: null,
  forwardTransfer: null,
  matrix: [[averageAccuracy]],
  initial: [0.1],
  seconds: { train: 1, consolidate: 0, evaluate: 0 },
})

it('summarises seeds by method and scenario in order of appearance', () => {
  const rows = summarise([
    run('none', 'task', 1, 0.5),
    run('ewc', 'task', 1, 0.9),
    run('none', 'task', 2, 0.7),
  ])
  expect(rows.map(({ method, seeds }) => [method, seeds])).toEqual([
    ['none', 2],
    ['ewc', 1],
  ])
  expect(rows[0]?.mean).toBeCloseTo(0.6, 12)
  expect(rows[0]?.sem).toBeCloseTo(0.1, 12)
  expect(rows[1]?.sem).toBeNull()
})

it('keeps scenarios apart', () =>
  expect(summarise([run('none', 'task', 1, 0.5), run('none', 'class', 1, 0.2)])).toHaveLength(2))
