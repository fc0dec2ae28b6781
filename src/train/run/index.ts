export {
  decodeCheckpoint,
  encodeCheckpoint,
  type RunPosition,
  type RunRecord,
  type RunState,
} from './checkpoint.ts'
export { consolidated } from './end-task.ts'
export type { LearnEvent } from './events.ts'
export { learn } from './learn.ts'
export { openRun } from './learn-run.ts'
export type { CheckpointStore, GivenPast, LearnOptions, LearnResult } from './options.ts'
export { secondsPerStep, timed } from './seconds-per-step.ts'
export { type EarlyStopping, holdOut } from './stopping-rows.ts'
export { stateAtStart } from './task-models.ts'
export {
  type Exchanged,
  type LocalTaskRun,
  type OpenTask,
  openTask,
  type TaskOptions,
  type TaskRun,
  taskSources,
} from './task-run.ts'
export { trainSteps } from './train-steps.ts'
