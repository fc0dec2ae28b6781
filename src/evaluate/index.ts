export { createEvaluator, type Evaluator, taskAccuracy } from './evaluate.ts'
export { featureDataset, headModel } from './features.ts'
export { buildPredict, type PredictGraph } from './predict.ts'
