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
export { expandFeatures } from './expand-features.ts'
export { type FeatureSumsOptions, featureSums } from './feature-sums.ts'
export { featureDataset, featureVectors } from './features.ts'
export type { OnRows } from './from-logits.ts'
export {
  type Decoder,
  type DecoderOptions,
  type Decoding,
  type GeneratedToken,
  type GenerateOptions,
  type GenerationEnd,
  generate,
  openDecoder,
  openTextWriter,
  type Sampling,
  type SelfWritten,
  type SelfWrittenOptions,
  selfWrittenTexts,
  type TextEnd,
  type TextOptions,
  type TextWriter,
} from './generate/index.ts'
export { type ClassFigures, type LabelledFigures, labelledFigures } from './labelled-figures.ts'
export { refuseLookingAhead } from './looks-ahead.ts'
export { meanTopTokens } from './mean-tokens.ts'
export { buildPredict, type PredictGraph } from './predict.ts'
export {
  type AnswerProbesOptions,
  answerProbes,
  type ChoiceAnswer,
  type ProbeAnswer,
  type ProbePredictionsOptions,
  type ProbeScores,
  probePredictions,
  probeScores,
  type ShareRight,
  type WrittenAnswer,
} from './probes/index.ts'
export { withWeights } from './reader.ts'
export { type OpenRowLosses, openRowLosses, rowLosses } from './row-losses.ts'
export { addSums, type FeatureSums, sumsUnder, weighedSums } from './sums.ts'
export {
  type DocumentFigures,
  refuseInfinite,
  type TextFigures,
  textFigures,
} from './text-figures.ts'
export { type TopTokens, type TopTokensOptions, topTokens, topTokensNotes } from './top-tokens.ts'
