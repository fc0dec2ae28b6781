export {
  type ActivationOptions,
  type ActivationStore,
  activationsAt,
  type Cut,
  convStatistics,
  cutsOf,
  headCut,
  modelAbove,
  type Place,
  type Side,
  type WorthwhileOptions,
  worthwhileCuts,
} from './cuts/index.ts'
export { createEvaluator, type Evaluator, taskAccuracy } from './evaluate.ts'
export { featureDataset } from './features.ts'
export { buildPredict, type PredictGraph } from './predict.ts'
