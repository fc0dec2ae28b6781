export {
  type AdviseTextsOptions,
  adviseTexts,
  type MeasuredTextRecipe,
  type TextAdvice,
} from './advise-texts.ts'
export type { ProcessMemory } from './process-memory.ts'
export { textUpdateDefaults } from './text-defaults.ts'
export { assignTexts } from './text-parts.ts'
export { type TextPreflight, textPreflight } from './text-preflight.ts'
export { summariseTexts, type TextUpdateSummary } from './text-summary.ts'
export {
  type TextClaim,
  type TextGain,
  type TextGuess,
  type TextPoint,
  type TextRows,
  type TextRungName,
  type TextTrialResult,
  type TextTrialSettings,
  type TextUpdateBudget,
  type TextUpdateData,
  type TextUpdateEvent,
  type TextUpdateOptions,
  type TextUpdateResult,
  textRungNames,
} from './text-update-types.ts'
export {
  openTextUpdate,
  type TextUpdate,
  type TextUpdateEstimate,
  updateTexts,
} from './update-texts.ts'
