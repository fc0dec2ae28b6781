export { attributeReader } from './attributes.ts'
export {
  BLOCKED_DOMAIN,
  blockable,
  blockedOp,
  intoBlocks,
  outOfBlocks,
} from './blocked.ts'
export {
  type CompositeCase,
  type CompositeContext,
  type CompositeDefinition,
  defineComposite,
  emitterNamed,
  refusal,
} from './composite.ts'
export {
  type AttributeReader,
  type Body,
  CANONICAL_OPSET,
  type CaseInput,
  defineOp,
  type Emitter,
  type Formed,
  type GradientContext,
  type OpCase,
  type OpDefinition,
  type RowsContext,
  type ShapeContext,
  type SparseRows,
  type SquaresContext,
  type SquareTerm,
  type UpgradeContext,
  type Upgraded,
  type Value,
} from './define.ts'
export { copyElements, eachPosition, foldPicking, offsetOf, pickElements, stridesOf } from './elements.ts'
export {
  add,
  after,
  cast,
  concat,
  div,
  expand,
  filled,
  indicator,
  ints,
  matmul,
  mul,
  neg,
  reduceSum,
  reshape,
  scalar,
  scale,
  square,
  sub,
  sumTo,
  swapLast,
  transpose,
} from './emit.ts'
export { counting, firstPlace } from './first-place.ts'
export { foldableInputs, foldDims, foldElementwise, fromNumbers, LARGEST_FOLD } from './fold.ts'
export { foreignOp, unknownOp } from './refused.ts'
export { asDims, asMade, type ScanBody, type ScanResult, scan } from './scan.ts'
export {
  broadcastDims,
  constantInput,
  constantInt,
  constantInts,
  dimOf,
  isFirstAxis,
  nodeLabel,
  positiveAxis,
  required,
  rowsElementwise,
  rowsFirst,
  sameAsFirst,
  shapeError,
} from './shapes.ts'
export { broadcastSquares, finished, linearSquares } from './squares.ts'
