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
export { createBatchSampler } from './samplers.ts'
export { type Schedule, type ScheduleOptions, schedule } from './schedules.ts'
export { buildStep, initialState, type StepGraph, type StepSettings, taskMasks } from './step.ts'
export { updateParameters } from './updates.ts'
