import { create, toBinary } from '@bufbuild/protobuf'
import { decoded } from './decoded.ts'
import { isField, rewrite } from './edit.ts'
import { valueInfoFromProto } from './from-proto.ts'
import type { ValueInfo } from './graph.ts'
import { ModelProtoSchema, StringStringEntryProtoSchema, ValueInfoProtoSchema } from './onnx_pb.ts'
import { decodeModel } from './read.ts'
import { valueInfoToProto } from './to-proto.ts'
import { concatenate } from './wire.ts'

const MODEL_GRAPH = 7
const MODEL_METADATA = 14
const GRAPH_OUTPUT = 12
const GRAPH_VALUE_INFO = 13

/**
 * A model whose outputs and described values have other dims where `change` says so. Names, types, documentation and
 * every other byte stay.
 *
 * @param change Gets each output and described value of the main graph; hands the same object back to leave it.
 * @example
 * const wider = editValueDims(bytes, (info) => (info.name === 'logits' ? { ...info, dims: ['N', 11] } : info))
 */
export function editValueDims(bytes: Uint8Array, change: (info: ValueInfo) => ValueInfo): Uint8Array {
  decodeModel(bytes)
  const chunks = rewrite(bytes, isField(MODEL_GRAPH), (graph) =>
    rewrite(
      graph,
      (field) => isField(GRAPH_OUTPUT)(field) || isField(GRAPH_VALUE_INFO)(field),
      (value) => {
        const proto = decoded(ValueInfoProtoSchema, value)
        // Sequences and maps are described, too; they have no dims.
        if (proto.type?.value.case !== 'tensorType') return undefined
        const before = valueInfoFromProto(proto, true)
        const after = change(before)
        const shape = valueInfoToProto(after).type?.value
        if (after === before || shape?.case !== 'tensorType' || !shape.value.shape) return undefined
        proto.type.value.value.shape = shape.value.shape
        return [toBinary(ValueInfoProtoSchema, proto)]
      },
    ),
  )
  return chunks ? concatenate(chunks) : bytes
}

/**
 * A model with other metadata under some keys; keys that it does not have are added at its end.
 *
 * @example
 * const labelled = editMetadata(bytes, new Map([['classes', '["cat","dog"]']]))
 */
export function editMetadata(bytes: Uint8Array, entries: ReadonlyMap<string, string>): Uint8Array {
  const left = new Map(entries)
  const replaced = rewrite(bytes, isField(MODEL_METADATA), (entry) => {
    const proto = decoded(StringStringEntryProtoSchema, entry)
    const value = entries.get(proto.key ?? '')
    left.delete(proto.key ?? '')
    if (value === undefined || value === proto.value) return undefined
    return [toBinary(StringStringEntryProtoSchema, { ...proto, value })]
  })
  const metadataProps = Array.from(left, ([key, value]) => ({ key, value }))
  const added = toBinary(ModelProtoSchema, create(ModelProtoSchema, { metadataProps }))
  return replaced || added.length > 0 ? concatenate([...(replaced ?? [bytes]), added]) : bytes
}
