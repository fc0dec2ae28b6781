export { type Applied, type ApplyOptions, applyModel } from './apply.ts'
export { encoderLayer, multiHeadAttention } from './attention.ts'
export { findHead, type Head } from './head.ts'
export { type Initialisation, initialise } from './initialise.ts'
export * from './layers.ts'
export { type Adapter, type LoraModel, type LoraOptions, withLora } from './lora.ts'
export {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  correctCount,
  crossEntropy,
  type DistillationOptions,
  distillation,
  meanSquaredError,
  predictions,
} from './losses.ts'
export { type Model, parameterCount } from './model.ts'
export { type Layer, type NetworkOptions, type NetworkWriter, network, type Signal } from './network.ts'
export {
  type CnnOptions,
  cnn,
  type MlpOptions,
  mlp,
  plainCnn,
  type Seeded,
  simpleModel,
  type TransformerOptions,
  transformerEncoder,
} from './networks.ts'
export { type FromOnnxOptions, modelFromOnnx, modelToOnnx, withParameters } from './onnx-model.ts'
export { buildPredict, type PredictGraph } from './predict.ts'
export { parseSelection, type Selection, selectParameters, trainOnly } from './select.ts'
export { replaceHead, type WidenOptions, widenHead } from './widen.ts'
