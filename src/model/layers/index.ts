export { encoderLayer, multiHeadAttention } from './attention.ts'
export * from './convolutions.ts'
export { type Initialisation, initialise } from './initialise.ts'
export * from './layers.ts'
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
