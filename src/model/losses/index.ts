export { masked, predictions } from './classes.ts'
export {
  type CrossEntropyOptions,
  causalCrossEntropy,
  crossEntropy,
  IGNORED_LABEL,
  positionCrossEntropy,
  rowCrossEntropies,
} from './cross-entropy.ts'
export { type DistillationOptions, distillation } from './distillation.ts'
export { binaryCrossEntropy, meanSquaredError } from './element-losses.ts'
export { headCrossEntropy } from './head-cross-entropy.ts'
export { MANY_CLASSES, product, rowsInParts } from './head-rows.ts'
export { linearHead } from './linear-head.ts'
export { type LossOptions, lossKind, taskLoss } from './objective.ts'
export { type TopDistillationOptions, topDistillation } from './top-distillation.ts'
