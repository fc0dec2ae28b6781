import { fromBinary } from '@bufbuild/protobuf'
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from '../src/onnx/onnx_pb.ts'
import { wireFields } from '../src/onnx/wire.ts'

interface Field {
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * What differs between two ONNX files, field by field of the encoded messages: `initializer fc.weight: rawData`,
 * `output logits`, `metadataProps classes`, `node /fc/Gemm`. Nothing is decoded into values first, so that other
 * encodings of the same value differ, too.
 */
export function modelDiff(before: Uint8Array, after: Uint8Array): string[] {
  return differing(fieldsOf(before, modelField), fieldsOf(after, modelField)).flatMap(({ name, old, now }) =>
    name === 'graph' && old && now
      ? differing(fieldsOf(old, graphField), fieldsOf(now, graphField)).flatMap(inGraph)
      : [name],
  )
}

interface Difference {
  readonly name: string
  readonly old: Uint8Array | undefined
  readonly now: Uint8Array | undefined
}

/** Fields of the same name are held against each other in order. */
function differing(before: readonly Field[], after: readonly Field[]): Difference[] {
  const names = [...new Set([...before, ...after].map(({ name }) => name))]
  return names.flatMap((name) => {
    const [old, now] = [before, after].map((fields) => fields.filter((field) => field.name === name))
    return Array.from({ length: Math.max(old?.length ?? 0, now?.length ?? 0) }, (_, at) => ({
      name,
      old: old?.[at]?.bytes,
      now: now?.[at]?.bytes,
    })).filter((pair) => Buffer.compare(pair.old ?? Buffer.of(0), pair.now ?? Buffer.of(1)) !== 0)
  })
}

function fieldsOf(message: Uint8Array, name: (number: number, value: Uint8Array) => string): Field[] {
  return [...wireFields(message)].map((field) => {
    const value = message.subarray(field.value, field.end)
    return { name: name(field.number, value), bytes: value }
  })
}

const labelOf = (
  schema: { readonly fields: readonly { readonly number: number; readonly localName: string }[] },
  number: number,
): string => schema.fields.find((field) => field.number === number)?.localName ?? `field ${number}`

const modelField = (number: number, value: Uint8Array): string => {
  const label = labelOf(ModelProtoSchema, number)
  return label === 'metadataProps' ? `${label} ${keyOf(value)}` : label
}

/** A StringStringEntryProto begins with its key. */
function keyOf(value: Uint8Array): string {
  const [key] = wireFields(value)
  return key ? new TextDecoder().decode(value.subarray(key.value, key.end)) : ''
}

const graphField = (number: number, value: Uint8Array): string => {
  const label = labelOf(GraphProtoSchema, number)
  switch (label) {
    case 'initializer':
      return `${label} ${fromBinary(TensorProtoSchema, value).name}`
    case 'node': {
      const { name, output } = fromBinary(NodeProtoSchema, value)
      return `${label} ${name || output[0]}`
    }
    case 'input':
    case 'output':
    case 'valueInfo':
      return `${label} ${fromBinary(ValueInfoProtoSchema, value).name}`
    default:
      return label
  }
}

function inGraph({ name, old, now }: Difference): string[] {
  if (!old || !now) return [`${name}: ${old ? 'gone' : 'new'}`]
  if (!name.startsWith('initializer ')) return [name]
  const inside = (value: Uint8Array) => fieldsOf(value, (number) => labelOf(TensorProtoSchema, number))
  return [...new Set(differing(inside(old), inside(now)).map((field) => `${name}: ${field.name}`))]
}
