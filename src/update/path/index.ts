export { type Blend, openBlend } from './blend.ts'
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
  type Aim,
  type Budget,
  boundsOf,
  type Choice,
  choose,
  choosePoint,
  type HeldBack,
  hasLearned,
  heldBack,
  type PathPoint,
  type Status,
  statusOf,
  worthAnother,
} from './decide.ts'
export { accuracyOf, flipsBetween, pointsAt, predicted } from './search.ts'
export { type Walk, walkPath } from './walk.ts'
