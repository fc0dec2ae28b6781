import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import { bytesOf } from '../tensor/bytes.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { AttributeCode, TensorCode } from './codes.ts'
import type { Attribute, Graph, Node, ValueInfo } from './graph.ts'
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type TensorShapeProto_Dimension,
  TensorShapeProto_DimensionSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './onnx_pb.ts'

const utf8 = new TextEncoder()

/** INT64_MAX, which exporters write for "to the end"; as a double it becomes 2^63 and has to be brought back. */
const INT64_MAX = 2n ** 63n - 1n

/**
 * An integer attribute as int64. A double of 2^63 and more stands for INT64_MAX, which no double can be.
 *
 * @throws ModelError `attribute-value` when it is no whole number.
 */
export function toInt64(value: number, where: string): bigint {
  if (!Number.isInteger(value)) {
    throw new ModelError(
      'attribute-value',
      `${where} is ${value}, but plain numbers are integer attributes. Wrap a floating-point one: float(${value}).`,
    )
  }
  const whole = BigInt(value)
  return whole > INT64_MAX ? INT64_MAX : whole < -INT64_MAX ? -INT64_MAX - 1n : whole
}

/** A TensorProto without its elements: name, type and dims. */
export function tensorHeaderToProto(name: string, tensor: Tensor): TensorProto {
  return create(TensorProtoSchema, {
    ...(name === '' ? {} : { name }),
    dims: tensor.dims.map(BigInt),
    dataType: TensorCode[tensor.type],
  })
}

/** A tensor as ONNX stores it: elements in `raw_data` (shared, not copied), strings in `string_data`. */
export function tensorToProto(name: string, tensor: Tensor): TensorProto {
  const proto = tensorHeaderToProto(name, tensor)
  if (tensor.type === 'string') {
    proto.stringData = (tensor.data as string[]).map((text) => utf8.encode(text))
  } else {
    proto.rawData = bytesOf(tensor)
  }
  return proto
}

/** Dims: a number is a size, a string a symbolic size, '' a size that nothing is known of. */
function dimToProto(dim: number | string): TensorShapeProto_Dimension {
  if (dim === '') return create(TensorShapeProto_DimensionSchema)
  return create(TensorShapeProto_DimensionSchema, {
    value:
      typeof dim === 'number' ? { case: 'dimValue', value: BigInt(dim) } : { case: 'dimParam', value: dim },
  })
}

export function valueInfoToProto(info: ValueInfo): ValueInfoProto {
  const { name, type, dims, untyped } = info
  if (untyped) return create(ValueInfoProtoSchema, { name })
  const shape = dims === undefined ? {} : { shape: { dim: dims.map(dimToProto) } }
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: TensorCode[type], ...shape } } },
  })
}

export function attributeToProto(name: string, attribute: Attribute): AttributeProto {
  const where = `Attribute ${JSON.stringify(name)}`
  const make = (
    type: keyof typeof AttributeCode,
    value: MessageInitShape<typeof AttributeProtoSchema>,
  ): AttributeProto => create(AttributeProtoSchema, { name, type: AttributeCode[type], ...value })
  if (typeof attribute === 'number') return make('int', { i: toInt64(attribute, where) })
  if (typeof attribute === 'string') return make('string', { s: utf8.encode(attribute) })
  if (isInts(attribute)) return make('ints', { ints: attribute.map((value) => toInt64(value, where)) })
  switch (attribute.kind) {
    case 'float':
      return make('float', { f: checkFloat32(attribute.value, where) })
    case 'floats':
      return make('floats', { floats: attribute.value.map((value) => checkFloat32(value, where)) })
    case 'strings':
      return make('strings', { strings: attribute.value.map((text) => utf8.encode(text)) })
    case 'graph':
      return make('graph', { g: graphToProto(attribute.value) })
    case 'tensor':
      return make('tensor', { t: tensorToProto('', attribute.value) })
    case 'raw':
      return Object.assign(fromBinary(AttributeProtoSchema, attribute.bytes), { name })
  }
}

// Array.isArray does not narrow readonly arrays.
function isInts(attribute: Attribute): attribute is readonly number[] {
  return Array.isArray(attribute)
}

function checkFloat32(value: number, where: string): number {
  if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) {
    throw new ModelError(
      'attribute-value',
      `${where} is ${value}, which is beyond the largest float32 (about 3.4e38).`,
    )
  }
  return value
}

export function nodeToProto(node: Node): NodeProto {
  return create(NodeProtoSchema, {
    input: [...node.inputs],
    output: [...node.outputs],
    opType: node.op,
    ...(node.name === '' ? {} : { name: node.name }),
    ...(node.domain === '' ? {} : { domain: node.domain }),
    attribute: Object.entries(node.attributes).map(([name, attribute]) => attributeToProto(name, attribute)),
  })
}

export function graphToProto(graph: Graph): GraphProto {
  return create(GraphProtoSchema, {
    node: graph.nodes.map(nodeToProto),
    name: graph.name,
    initializer: Array.from(graph.initializers, ([name, tensor]) => tensorToProto(name, tensor)),
    input: graph.inputs.map(valueInfoToProto),
    output: graph.outputs.map(valueInfoToProto),
  })
}
