export { compose } from './compose.ts'
export { type EwcOptions, ewc } from './ewc.ts'
export { type FisherLabels, type FisherOptions, type FisherResult, fisherDiagonal } from './fisher/index.ts'
export { joint } from './joint.ts'
export { type LwfOptions, lwf } from './lwf.ts'
export type {
  BatchSource,
  ConsolidateContext,
  Json,
  Method,
  MethodState,
  RowSampler,
  SamplerContext,
  StepContext,
  StepTerms,
  TaskContext,
} from './method.ts'
export { none } from './none.ts'
export type { PenaltyStep } from './quadratic.ts'
export { type ReplayOptions, replay } from './replay.ts'
