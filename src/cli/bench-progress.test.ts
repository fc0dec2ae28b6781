import { expect, it } from 'vitest'
import type { Progress } from '../report/terminal.ts'
import type { BenchEvent } from '../study/grid/index.ts'
import { protocolPlan } from '../study/protocols/index.ts'
import { readProtocol } from '../study/protocols/index-files.ts'
import type { LearnEvent } from '../train/run/index.ts'
import { gridProgress } from './bench-progress.ts'

const { protocol } = await readProtocol('split-mnist@1')

const planOf = (seed: number) => protocolPlan(protocol, { method: 'ridge', scenario: 'class', seed })

/** What is drawn while runs go as events say, each run of five tasks of 100 steps. */
function progressOf(runs: number, events: readonly (readonly [run: number, event: LearnEvent | 'ended'])[]) {
  const drawn: Progress[] = []
  const nothing = () => {}
  const show = gridProgress(
    { plans: runs, tasks: 5 },
    {
      ...{ live: true, colour: false, width: 80, say: nothing, warn: nothing, stage: nothing, draw: nothing },
      progress: (progress) => drawn.push(progress),
    },
  )
  for (const [run, event] of events) {
    const common = { run, plan: planOf(run) }
    const message: BenchEvent =
      event === 'ended' ? { type: 'run-interrupted', ...common } : { type: 'run-event', ...common, event }
    show(message)
  }
  return drawn
}

const drawnBy = (...grid: Parameters<typeof progressOf>) =>
  progressOf(...grid).map(({ done, total }) => `${done} of ${total}`)

const started: LearnEvent = { type: 'started', tasks: ['0', '1', '2', '3', '4'], steps: 500, resumed: false }
const progress = (task: number, step: number): LearnEvent => ({
  ...{ type: 'progress', task, step, of: 100, losses: {}, stepsPerSecond: 1 },
})

it('counts steps of all runs, those to come as many as of those that go', () => {
  expect(
    drawnBy(2, [
      [0, started],
      [0, progress(0, 50)],
      [0, progress(4, 100)],
    ]),
  ).toEqual(['50 of 1000', '500 of 1000'])
})

it('counts no steps of tasks that nothing trains', () => {
  expect(
    drawnBy(2, [
      [0, { ...started, trained: 100 }],
      [0, progress(0, 50)],
    ]),
  ).toEqual(['50 of 200'])
})

it('counts no steps of a run that ended without them, as one whose later tasks nothing trains', () => {
  expect(
    drawnBy(2, [
      ...([
        [0, started],
        [0, progress(0, 100)],
        [0, 'ended'],
      ] as const),
      ...([
        [1, started],
        [1, progress(0, 100)],
      ] as const),
    ]).at(-1),
  ).toBe('200 of 600')
})

it('knows how long a run is whose beginning was not seen, and counts no steps that others took', () => {
  const [first, second] = progressOf(1, [
    [0, progress(2, 50)],
    [0, progress(2, 60)],
  ])
  expect(first).toMatchObject({ done: 250, total: 500, rate: 0 })
  expect([second?.done, second?.total]).toEqual([260, 500])
})

it('counts no steps of before a checkpoint in the rate', () => {
  const [first] = progressOf(1, [
    [0, { ...started, resumed: true }],
    [0, progress(3, 0)],
  ])
  expect(first).toMatchObject({ done: 300, total: 500, rate: 0 })
})
