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
  /** Steps in one call, at most. */
  readonly stepsPerCall: number
  /** The next step after `step` at which a call has to end; default the last. */
  readonly nextStop?: ((step: number) => number) | undefined
}

/** The one loop over a task's steps, call after call; whoever reads it does what is due in between, and may leave it. */
export async function* trainSteps(run: TaskRun, options: CallOptions): AsyncGenerator<CallDone, void> {
  const { iterations, stepsPerCall, nextStop } = options
  let step = options.from ?? 0
  while (step < iterations) {
    const began = performance.now()
    const count = Math.min(stepsPerCall, Math.min(iterations, nextStop?.(step) ?? iterations) - step)
    const losses = await run.steps(step, count)
    step += count
    yield { step, losses, stepsPerSecond: (count * 1000) / (performance.now() - began) }
  }
}
