export { type FromOnnxOptions, modelFromOnnx, modelToOnnx, withParameters } from './onnx-model.ts'
export { storedTypes } from './stored.ts'
