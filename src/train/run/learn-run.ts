import type { TaskContext } from '../../methods/method.ts'
import type { LearnOptions } from './options.ts'
import { openReading, type RunReading } from './run-reading.ts'
import type { HeldOut } from './stopping-rows.ts'
import { taskContext } from './task-context.ts'
import { type TaskModels, taskModels } from './task-models.ts'
import { type OpenTask, openTask } from './task-run.ts'

/** A run over a stream, with what all its tasks share. */
export interface LearnRun {
  readonly options: LearnOptions
  readonly heldOut: HeldOut | undefined
  readonly models: TaskModels
  readonly contextOf: (index: number) => TaskContext
  readonly reading: RunReading
  readonly openTask: OpenTask
}

/** To be closed with `reading.dispose()`. */
export function openRun(
  options: LearnOptions,
  heldOut: HeldOut | undefined,
  open: OpenTask = openTask,
): LearnRun {
  const { stream, batchSize, past, unlabelled } = options
  const contextOf = (index: number) => taskContext(stream, index, batchSize, past, unlabelled)
  const models = taskModels(options.model, options.method, contextOf)
  return { options, heldOut, models, contextOf, reading: openReading(options, models), openTask: open }
}
