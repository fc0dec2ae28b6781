export { type GateOptions, type GateResult, gate, gateDefaults } from './gate.ts'
export type { NewClass } from './gate-classes.ts'
export type { Comparison, GroupComparison, OverallComparison, Verdict } from './gate-compare.ts'
export { type FlipAnswer, type FlipRecord, flipRecords, type ListedId } from './gate-flips.ts'
export { logitsFor, type NamedModel, predictionsFrom } from './gate-models.ts'
export type { RuleName, RuleOutcome } from './gate-rules.ts'
export { type AnsweredPrompt, gateLanguage, type LanguageGateResult } from './language-gate.ts'
export {
  gateProbes,
  type ProbeGateOptions,
  type ProbeGateResult,
  type ProbeRuleOutcome,
} from './probe-gate.ts'
export type { TextComparison, TextScorePair } from './text-comparison.ts'
export {
  type ChangedDocument,
  changedDocuments,
  gateTexts,
  type TextGateOptions,
  type TextGateResult,
  type TextRuleOutcome,
} from './text-gate.ts'
export { joinTexts, type TextScore, type TextScores, textScores } from './text-losses.ts'
export { inTextUnit } from './text-reason.ts'
