import { openPace, type Pace } from '../../engine/pace.ts'
import { spanned } from '../../spans.ts'
import type { TaskRun } from './task-run.ts'

/** One call of the runtime, done. */
export interface CallDone {
  /** Steps of the task done so far. */
  readonly step: number
  /** Mean of each loss term over the call's steps, and the reports. */
  readonly losses: Readonly<Record<string, number>>
  readonly stepsPerSecond: number
}

export interface CallOptions {
  /** Steps of the task done already. Default 0. */
  readonly from?: number | undefined
  /** Steps of the whole task. */
  readonly iterations: number
  /** Steps in one call; default as many as take about 0.2 s, 50 at most. */
  readonly stepsPerCall?: number | undefined
  /** The next step after `step` at which a call has to end; default the last. */
  readonly nextStop?: ((step: number) => number) | undefined
}

const MOST_STEPS = 50
/**
 * Several steps a call are a loop of the runtime's, which holds the state twice more and copies it as it begins and ends. That pays
 * where calls would be many; steps of more than half of this go one to a call, at 1 or 2 % more time.
 */
const SECONDS_A_CALL = 0.2

const steady = (count: number): Pace => ({ next: (left) => Math.min(count, left), took: () => {} })

/** The one loop over a task's steps, call after call; whoever reads it does what is due in between, and may leave it. */
export async function* trainSteps(run: TaskRun, options: CallOptions): AsyncGenerator<CallDone, void> {
  const { iterations, stepsPerCall, nextStop } = options
  const pace = stepsPerCall === undefined ? openPace(MOST_STEPS, SECONDS_A_CALL) : steady(stepsPerCall)
  let step = options.from ?? 0
  while (step < iterations) {
    const began = performance.now()
    const count = pace.next(Math.min(iterations, nextStop?.(step) ?? iterations) - step)
    const from = step
    const losses = await spanned('steps', () => run.steps(from, count), { from, count })
    step += count
    const seconds = (performance.now() - began) / 1000
    pace.took(count, seconds)
    yield { step, losses, stepsPerSecond: count / seconds }
  }
}
