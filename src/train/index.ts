export {
  decodeCheckpoint,
  encodeCheckpoint,
  type RunPosition,
  type RunRecord,
  type RunState,
} from './checkpoint.ts'
export { createEvaluator, type Evaluator, taskAccuracy } from './evaluate.ts'
export type { LearnEvent } from './events.ts'
export { type GradLoss, type GradOptions, type GradResult, gradLosses, lossAndGradients } from './grad.ts'
export { type Inspection, type InspectOptions, inspectModel } from './inspect.ts'
export {
  type CheckpointStore,
  type EarlyStopping,
  type LearnOptions,
  type LearnResult,
  learn,
} from './learn.ts'
export { mergeLora } from './merge-lora.ts'
export type { LossOptions } from './objective.ts'
export {
  type AdamOptions,
  adam,
  type Optimiser,
  type RmspropOptions,
  rmsprop,
  type SgdOptions,
  sgd,
  type WeightDecay,
} from './optimisers.ts'
export { type Schedule, type ScheduleOptions, schedule } from './schedules.ts'
export { buildStep, initialState, type StepGraph, type StepSettings } from './step.ts'
export { learnMeasurements, updateMeasurements } from './tracking/measurements.ts'
export { type MlflowOptions, mlflow } from './tracking/mlflow.ts'
export { flatSettings } from './tracking/settings.ts'
export { type Measurement, type TrackedEnd, type Tracker, track, trackers } from './tracking/tracker.ts'
