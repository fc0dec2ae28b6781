export {
  type Adapter,
  type ChannelStatistics,
  foldNorms,
  type LoraModel,
  type LoraOptions,
  parseSelection,
  type Selection,
  selectParameters,
  trainOnly,
  withAdapter,
  withLora,
  withNorms,
} from './adapters/index.ts'
export { type Applied, type ApplyOptions, applyModel } from './apply.ts'
export {
  type ExpandOptions,
  type Expansion,
  expandHead,
  expansionOf,
  findHead,
  type Head,
  replaceHead,
  type WidenOptions,
  widenHead,
} from './heads/index.ts'
export {
  type Bindings,
  type FromOnnxOptions,
  modelFromOnnx,
  modelToOnnx,
  type ReadBack,
  readBackOf,
  withParameters,
} from './import/index.ts'
export * from './layers/index.ts'
export {
  type CnnOptions,
  cnn,
  encoderLayer,
  type Initialisation,
  initialise,
  type Layer,
  type MlpOptions,
  mlp,
  multiHeadAttention,
  type NetworkOptions,
  type NetworkWriter,
  network,
  plainCnn,
  type Seeded,
  type Signal,
  simpleModel,
  type TransformerOptions,
  transformerEncoder,
} from './layers/index.ts'
export {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  crossEntropy,
  type DistillationOptions,
  distillation,
  meanSquaredError,
  predictions,
} from './losses/index.ts'
export { type MergePart, mergeWeights } from './merge-weights.ts'
export { type BoundInput, type Model, parameterCount } from './model.ts'
