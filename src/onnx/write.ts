import { toBinary } from '@bufbuild/protobuf'
import { type ModelProto, ModelProtoSchema } from './onnx_pb.ts'

/**
 * The bytes of a model message. What holds for `encodeModel(decodeModel(bytes))`:
 *
 * - The message is the same, with every field that was absent still absent, defaults that were written out still
 *   written out, and unknown fields kept.
 * - The bytes are the same if they were written as protobuf's own encoders write: fields in ascending order, shortest
 *   numbers, unknown fields last, and lists packed as in onnx.proto. Otherwise fields may be reordered.
 *
 * To change parameters of a model that somebody else wrote without touching any other byte use {@link editInitializers}.
 */
export function encodeModel(model: ModelProto): Uint8Array<ArrayBuffer> {
  return toBinary(ModelProtoSchema, model)
}
