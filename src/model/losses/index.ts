export {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  causalCrossEntropy,
  correctCount,
  crossEntropy,
  type DistillationOptions,
  distillation,
  IGNORED_LABEL,
  meanSquaredError,
  positionCrossEntropy,
  predictions,
} from './losses.ts'
export { type LossOptions, lossKind, taskLoss } from './objective.ts'
