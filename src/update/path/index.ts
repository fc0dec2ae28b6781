export { curveDefaults } from './along-path.ts'
export { type Blend, openBlend } from './blend.ts'
export {
  type BudgetOn,
  type Claim,
  type ClaimResult,
  claimsFor,
  judgeClaims,
  ofClasses,
} from './claims.ts'
export { type CrossFitted, crossFit, type Look } from './cross-fit.ts'
export { type CurveGroup, type CurveOptions, type CurvePoint, type CurveResult, curve } from './curve.ts'
export { openPath } from './curve-path.ts'
export {
  curveTexts,
  type TextCurveOptions,
  type TextCurvePoint,
  type TextCurveResult,
  type TextCurveScore,
} from './curve-texts.ts'
export {
  bestWithin,
  hasLearned,
  heldBack,
  nothingToGain,
  passes,
  seenInside,
  sequenceOf,
  settle,
  startOf,
  statusOf,
  withinBudget,
  worthClimbing,
} from './decide.ts'
export {
  frontOf,
  type Settled,
  type Standing,
  settleOrder,
  testInOrder,
} from './fixed-sequence.ts'
export type { Aim, Budget, Guess, HeldBack, PathPoint, PowerFacts, Status, Tested } from './points.ts'
export { effectiveRows, powerOf } from './power.ts'
export { type Judged, proveInOrder } from './prove.ts'
export { confidenceAfter } from './reuse.ts'
export { accuracyOf, answersAt, flipsBetween, predicted, type Split, split } from './search.ts'
export { walkPath } from './walk.ts'
