export type { Evaluation, ModelEvaluation } from './evaluate/index.ts'
export {
  type ChangedDocument,
  type Comparison,
  type FlipAnswer,
  type FlipRecord,
  flipRecords,
  type GateOptions,
  type GateResult,
  type GroupComparison,
  gate,
  gateLanguage,
  gateProbes,
  gateTexts,
  type LanguageGateResult,
  type ListedId,
  type OverallComparison,
  type ProbeGateOptions,
  type ProbeGateResult,
  type ProbeRuleOutcome,
  type RuleName,
  type RuleOutcome,
  type TextComparison,
  type TextGateOptions,
  type TextGateResult,
  type TextRuleOutcome,
  type TextScore,
  type TextScorePair,
  type TextScores,
  type Verdict,
} from './gate/index.ts'
export {
  decodePack,
  type ExtendOptions,
  encodePack,
  extendPack,
  type KeepOptions,
  type Kept,
  keepModel as keep,
  mergePacks,
  type Pack,
  type PackSummary,
  type Release,
  type RowBlocks,
  releaseAccuracy,
  summarisePack,
} from './pack/index.ts'
export type { UpdateData } from './parts.ts'
export {
  type Blend,
  type Budget,
  type CurveOptions,
  type CurveResult,
  curve,
  openBlend,
  type PathPoint,
} from './path/index.ts'
export { type Preflight, type PreflightOptions, preflight } from './preflight.ts'
export type { ActivationRows } from './proof-rows.ts'
export {
  type ChosenMethod,
  chooseMethod,
  type FineTuned,
  type FineTuneOptions,
  fineTune,
  type Protection,
  parseUpdateMethod,
} from './recipes/index.ts'
export { summarise as summariseUpdate, type UpdateSummary } from './summary.ts'
export {
  openUpdate,
  type Update,
  type UpdateEstimate,
  type UpdateEvent,
  type UpdateOptions,
  type UpdateResult,
  updateModel as update,
} from './update.ts'
export { updatedModel } from './updated-model.ts'
