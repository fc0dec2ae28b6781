export { batchWidth, rowWeights, taskMasks } from './batch.ts'
export { inOrder } from './in-order.ts'
export { likeLengths } from './like-lengths.ts'
export {
  type AdamOptions,
  adam,
  type Optimiser,
  type RmspropOptions,
  rmsprop,
  type SgdOptions,
  sgd,
} from './optimisers.ts'
export { createBatchSampler } from './samplers.ts'
export { type Schedule, type ScheduleOptions, schedule } from './schedules.ts'
export { buildStep, type StepGraph } from './step.ts'
export { drawName, initialState } from './step-inputs.ts'
export { type StepLengths, stepLengths } from './step-lengths.ts'
export type { StepSettings } from './step-request.ts'
export { updateParameters } from './updates.ts'
export type { WeightDecay } from './weight-decay.ts'
