export { AttributeCode, DataLocation, dtypeOfCode, TensorCode } from './codes.ts'
export { editInitializers } from './edit.ts'
export { type EncodeOptions, encodeGraph, PROTOBUF_LIMIT } from './encode.ts'
export {
  type FromProtoOptions,
  graphFromModel,
  type ModelContents,
  nodeFromProto,
  valueInfoFromProto,
} from './from-proto.ts'
export * from './graph.ts'
export type { GraphProto, ModelProto, NodeProto, TensorProto } from './onnx_pb.ts'
export { decodeModel } from './read.ts'
export { type ExternalData, tensorFromProto, tensorFromSparseProto } from './tensor-proto.ts'
export { attributeToProto, graphToProto, tensorToProto, valueInfoToProto } from './to-proto.ts'
export { encodeModel } from './write.ts'
