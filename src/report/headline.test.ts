import { describe, expect, it } from 'vitest'
import { demoBench } from '../../test/demo-bench.ts'
import type { BenchResult, RunResult } from '../measure/results.ts'
import { headline } from './headline.ts'

/** Two tasks: accuracies on the first after each task, on the second at the end. */
const run = (method: string, learned: number, kept: number, second: number, seed = 1): RunResult => ({
  benchmark: 'split',
  method,
  scenario: 'class',
  seed,
  averageAccuracy: (kept + second) / 2,
  forgetting: learned - kept,
  backwardTransfer: kept - learned,
  forwardTransfer: 0,
  matrix: [
    [learned, 0],
    [kept, second],
  ],
  initial: [0.1, 0.1],
  seconds: { train: 1, consolidate: 0, evaluate: 0 },
})
const bench = (...results: RunResult[]): BenchResult => ({
  ...demoBench({ synthetic: false }),
  tasks: ['0-4', '5-9'],
  results,
})
const none = run('none', 0.99, 0.01, 0.97)

describe('the headline', () => {
  it('says what was forgotten and what the best method kept', () =>
    expect(headline(bench(none, run('ewc', 0.99, 0.02, 0.97), run('replay', 0.99, 0.92, 0.95))).title).toBe(
      'Fine-tuning forgot 98 of its 99 points on “0-4”, the first task; replay kept 92.',
    ))
  it('praises nothing that is not clearly better', () => {
    expect(headline(bench(none, run('ewc', 0.99, 0.04, 0.97))).title).toMatch(
      /first task; EWC did not prevent it\.$/,
    )
    expect(headline(bench(none, run('ewc', 0.99, 0.04, 0.97), run('lwf', 0.99, 0.02, 0.97))).title).toMatch(
      /not clearly prevented by any of the 2 methods tried\.$/,
    )
  })
  it('takes a gain within the noise between seeds for none', () => {
    const noisy = [run('replay', 0.99, 0.01, 0.6, 1), run('replay', 0.99, 0.99, 0.99, 2)]
    expect(headline(bench(none, run('none', 0.99, 0.01, 0.97, 2), ...noisy)).title).toMatch(
      /did not prevent it/,
    )
  })
  it('does not call joint training a method that keeps', () =>
    expect(headline(bench(none, run('joint', 0.99, 0.98, 0.98))).title).toBe(
      'Fine-tuning forgot 98 of its 99 points on “0-4”, the first task.',
    ))
  it('says when little was forgotten', () =>
    expect(headline(bench(run('none', 0.99, 0.97, 0.9), run('replay', 0.99, 0.98, 0.9))).title).toBe(
      'Little was forgotten: fine-tuning ends at 97 points on “0-4”, the first task, after 99.',
    ))
  it('does without fine-tuning', () =>
    expect(headline(bench(run('replay', 0.99, 0.92, 0.94))).title).toBe(
      'Replay ends at 93 % on average: of 99 points on “0-4”, the first task, 92 are left.',
    ))
  it('speaks of the hardest scenario', () =>
    expect(headline(demoBench()).detail).toMatch(/^Class-incremental, 5 tasks of synthetic digits\./))
  it('warns of a single seed', () => expect(headline(bench(none)).detail).toContain('One seed each'))
})
