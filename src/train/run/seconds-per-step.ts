import { none } from '../../methods/none.ts'
import { emptyState } from '../../methods/state.ts'
import { initialState } from '../step/index.ts'
import type { LearnOptions } from './options.ts'
import { taskContext } from './task-context.ts'
import { openTask, type TaskRun } from './task-run.ts'

/** Steps that are timed, behind a first one. */
const TIMED = 4

/** How long a step of a run's first task takes, without what its method adds; a few are done, and leave no trace. */
export async function secondsPerStep(options: LearnOptions): Promise<number> {
  const { stream, batchSize, model, settings } = options
  const run = await openTask(
    { ...options, method: none(), longest: true },
    taskContext(stream, 0, batchSize),
    {
      ...{ updates: 0, method: emptyState, samplers: {} },
      tensors: initialState(model, settings.optimiser),
    },
  )
  return timed(run, TIMED)
}

/**
 * Seconds that a step of a task takes, from so many behind a first one; the task is closed.
 *
 * @param run Opened so that all steps are as long as the longest: texts' steps take their share of that on average.
 */
export async function timed(run: TaskRun, steps: number): Promise<number> {
  try {
    await run.steps(0, 1)
    const began = performance.now()
    await run.steps(1, steps)
    return (run.share * (performance.now() - began)) / 1000 / steps
  } finally {
    await run.dispose()
  }
}
