export { mergeLora } from '../model/adapters/index.ts'
export type { LossOptions } from '../model/losses/index.ts'
export { augmentedViews, type ViewOptions } from './augment/index.ts'
export {
  type GradLoss,
  type GradOptions,
  type GradResult,
  gradLosses,
  type Inspection,
  type InspectOptions,
  inspectModel,
  lossAndGradients,
} from './inspect/index.ts'
export {
  type CheckpointStore,
  decodeCheckpoint,
  type EarlyStopping,
  encodeCheckpoint,
  type LearnEvent,
  type LearnOptions,
  type LearnResult,
  learn,
  type RunPosition,
  type RunRecord,
  type RunState,
} from './run/index.ts'
export {
  type AdamOptions,
  adam,
  buildStep,
  initialState,
  type Optimiser,
  type RmspropOptions,
  rmsprop,
  type Schedule,
  type ScheduleOptions,
  type SgdOptions,
  type StepGraph,
  type StepSettings,
  schedule,
  sgd,
  type WeightDecay,
} from './step/index.ts'
export {
  flatSettings,
  learnMeasurements,
  type Measurement,
  type MlflowOptions,
  mlflow,
  type TrackedEnd,
  type Tracker,
  track,
  trackers,
  updateMeasurements,
} from './tracking/index.ts'
