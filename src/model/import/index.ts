export { type Bindings, withoutBound } from './bind.ts'
export { type FromOnnxOptions, modelFromOnnx, modelToOnnx, withParameters } from './onnx-model.ts'
export { type ReadBack, readBackOf, storedTypes } from './stored.ts'
export { nodesThroughout } from './walk.ts'
