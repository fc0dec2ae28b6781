export { type Blend, openBlend } from './blend.ts'
export { type CurveOptions, type CurveResult, curve } from './curve.ts'
export { type FineTuned, type FineTuneOptions, fineTune } from './fine-tune.ts'
export { type GateOptions, type GateResult, gate, type ListedId } from './gate.ts'
export type { Comparison, GroupComparison, OverallComparison, Verdict } from './gate-compare.ts'
export { type FlipAnswer, type FlipRecord, flipRecords } from './gate-flips.ts'
export type { RuleOutcome } from './gate-rules.ts'
export { type KeepOptions, type Kept, keepModel as keep } from './keep.ts'
export { type ExtendOptions, extendPack } from './keep-extend.ts'
export { featureDataset, headModel } from './keep-features.ts'
export { mergePacks } from './keep-merge.ts'
export { type Pack, type Release, releaseAccuracy } from './pack.ts'
export { decodePack, encodePack } from './pack-codec.ts'
export { type PackSummary, summarisePack } from './pack-summary.ts'
export type { UpdateData } from './parts.ts'
export { type Preflight, type PreflightOptions, preflight } from './preflight.ts'
export type { Budget, PathPoint } from './search.ts'
export { summarise as summariseUpdate, type UpdateSummary } from './summary.ts'
export type { Protection } from './trial.ts'
export {
  openUpdate,
  type Update,
  type UpdateEstimate,
  type UpdateEvent,
  type UpdateOptions,
  type UpdateResult,
  updateModel as update,
} from './update.ts'
export { type ChosenMethod, chooseMethod, parseUpdateMethod, type UpdateMethod } from './update-method.ts'
