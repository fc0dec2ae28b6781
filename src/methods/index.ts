export { type AgemOptions, agem } from './a-gem.ts'
export {
  type AdvisedMethod,
  adviseMethods,
  type MethodAdvice,
  type RefusedMethod,
  type Situation,
} from './advise-methods.ts'
export { type BicOptions, bic } from './bic.ts'
export {
  type ClosedForm,
  type ClosedFormOptions,
  closedFormHead,
  type JudgedRows,
} from './closed-form/index.ts'
export {
  type ClosedFormHeadsOptions,
  ldaHead,
  type RanpacOptions,
  ranpac,
  ridgeHead,
} from './closed-form-heads.ts'
export { compose } from './compose.ts'
export { type DerOptions, der } from './der.ts'
export { type DistilOptions, distil } from './distil.ts'
export { type ErAceOptions, erAce } from './er-ace.ts'
export type { Evidence } from './evidence.ts'
export { type EwcOptions, ewc } from './ewc.ts'
export { type EwcKfacOptions, ewcKfac } from './ewc-kfac.ts'
export { type FisherLabels, type FisherOptions, type FisherResult, fisherDiagonal } from './fisher/index.ts'
export { type GdumbOptions, gdumb } from './gdumb.ts'
export { type GemOptions, gem } from './gem.ts'
export { type IcarlOptions, icarl } from './icarl.ts'
export { joint } from './joint.ts'
export { type L2spOptions, l2sp } from './l2-sp.ts'
export { type LessForgetOptions, lessForget } from './less-forget.ts'
export { type LogitAdjustmentOptions, logitAdjustment } from './logit-adjustment.ts'
export { type LpFtOptions, lpft } from './lp-ft.ts'
export { type LwfOptions, lwf } from './lwf.ts'
export { type MasOptions, mas } from './mas.ts'
export type {
  BatchSource,
  ConsolidateContext,
  Consolidated,
  Drawn,
  Json,
  Method,
  MethodState,
  OpeningContext,
  RowSampler,
  SourceRows,
  StepContext,
  StepDone,
  StepTerms,
  TaskContext,
  Trace,
} from './method.ts'
export { nearestMean } from './nearest-mean.ts'
export { none } from './none.ts'
export type { PenaltyStep } from './quadratic.ts'
export { type ReplayOptions, replay } from './replay.ts'
export { type SamOptions, sam } from './sam.ts'
export { type SiOptions, si } from './si.ts'
export type { SamplerContext } from './source.ts'
export { type TaskLoraOptions, taskLora } from './task-lora.ts'
export { weightAligning } from './weight-aligning.ts'
export { type EmaOptions, ema, type SwaOptions, swa } from './weight-averaging.ts'
export { type XdgOptions, xdg } from './xdg.ts'
