export { type Blend, openBlend } from './blend.ts'
export {
  type BudgetOn,
  type Claim,
  type ClaimResult,
  claimsFor,
  judgeClaims,
} from './claims.ts'
export {
  type CurveGroup,
  type CurveOptions,
  type CurvePoint,
  type CurveResult,
  curve,
  curveDefaults,
  openPath,
} from './curve.ts'
export {
  choose,
  choosePoint,
  hasLearned,
  heldBack,
  statusOf,
  worthAnother,
} from './decide.ts'
export type { Aim, Budget, Choice, HeldBack, PathPoint, PowerFacts, Status } from './points.ts'
export { effectiveRows, powerOf } from './power.ts'
export { accuracyOf, flipsBetween, pointsAt, predicted } from './search.ts'
export { type Walk, walkPath } from './walk.ts'
