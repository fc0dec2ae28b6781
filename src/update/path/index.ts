export { type Blend, openBlend } from './blend.ts'
export {
  type CurveGroup,
  type CurveOptions,
  type CurvePoint,
  type CurveResult,
  curve,
  openPath,
} from './curve.ts'
export {
  accuracyOf,
  type Budget,
  choosePoint,
  dropOf,
  flipsBetween,
  nearestPoint,
  type PathPoint,
  predicted,
  verify,
} from './search.ts'
export { type Walk, walkPath } from './walk.ts'
