import { toBinary } from '@bufbuild/protobuf'
import { AttributeCode, TensorCode } from './codes.ts'
import type { Attribute, Graph, Node, ValueInfo } from './graph.ts'
import { MessageWriter } from './message-writer.ts'
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
} from './onnx_pb.ts'
import { attributeToProto, graphToProto, valueInfoToProto } from './to-proto.ts'

const graphField = GraphProtoSchema.field
const node = NodeProtoSchema.field
const attributeField = AttributeProtoSchema.field
const tensorType = TypeProto_TensorSchema.field
const dimension = TensorShapeProto_DimensionSchema.field

/**
 * The `node` fields of a GraphProto: the same bytes as the protobuf library's, about ten times sooner, which is felt
 * where a step of thousands of nodes is built.
 */
export function encodeNodes(nodes: readonly Node[]): Uint8Array {
  const writer = new MessageWriter()
  writeNodes(writer, nodes)
  return writer.finish()
}

function writeNodes(writer: MessageWriter, nodes: readonly Node[]): void {
  for (const { inputs, outputs, name, op, domain, attributes } of nodes) {
    const start = writer.begin(graphField.node.number)
    for (const input of inputs) writer.text(node.input.number, input)
    for (const output of outputs) writer.text(node.output.number, output)
    if (name !== '') writer.text(node.name.number, name)
    writer.text(node.opType.number, op)
    for (const [key, attribute] of Object.entries(attributes)) {
      if (isGraph(attribute)) writeGraphAttribute(writer, key, attribute.value)
      else writer.bytes(node.attribute.number, encodeAttribute(key, attribute))
    }
    if (domain !== '') writer.text(node.domain.number, domain)
    writer.end(start)
  }
}

const isGraph = (attribute: Attribute): attribute is Extract<Attribute, { kind: 'graph' }> =>
  typeof attribute === 'object' && 'kind' in attribute && attribute.kind === 'graph'

/** The nodes of a subgraph by hand too: nearly all of a training step is in the body of its `Scan`. */
function writeGraphAttribute(writer: MessageWriter, name: string, graph: Graph): void {
  const start = writer.begin(node.attribute.number)
  writer.text(attributeField.name.number, name)
  const inside = writer.begin(attributeField.g.number)
  writeNodes(writer, graph.nodes)
  writer.append(toBinary(GraphProtoSchema, graphToProto({ ...graph, nodes: [], inputs: [], outputs: [] })))
  writeEnds(writer, graph)
  writer.end(inside)
  writer.integer(attributeField.type.number, AttributeCode.graph)
  writer.end(start)
}

/** The `input` and `output` fields of a GraphProto. */
export function encodeEnds(graph: Pick<Graph, 'inputs' | 'outputs'>): Uint8Array {
  const writer = new MessageWriter()
  writeEnds(writer, graph)
  return writer.finish()
}

function writeEnds(writer: MessageWriter, { inputs, outputs }: Pick<Graph, 'inputs' | 'outputs'>): void {
  for (const info of inputs) writeInfo(writer, graphField.input.number, info)
  for (const info of outputs) writeInfo(writer, graphField.output.number, info)
}

function writeInfo(writer: MessageWriter, field: number, info: ValueInfo): void {
  const { name, type, dims, untyped } = info
  if (untyped || dims?.some((dim) => typeof dim === 'number' && dim < 0)) {
    writer.bytes(field, toBinary(ValueInfoProtoSchema, valueInfoToProto(info)))
    return
  }
  const start = writer.begin(field)
  writer.text(ValueInfoProtoSchema.field.name.number, name)
  const typeStart = writer.begin(ValueInfoProtoSchema.field.type.number)
  const tensorStart = writer.begin(TypeProtoSchema.field.tensorType.number)
  writer.integer(tensorType.elemType.number, TensorCode[type])
  if (dims) {
    const shapeStart = writer.begin(tensorType.shape.number)
    for (const dim of dims) {
      const dimStart = writer.begin(TensorShapeProtoSchema.field.dim.number)
      if (typeof dim === 'number') writer.integer(dimension.dimValue.number, dim)
      else if (dim !== '') writer.text(dimension.dimParam.number, dim)
      writer.end(dimStart)
    }
    writer.end(shapeStart)
  }
  writer.end(tensorStart)
  writer.end(typeStart)
  writer.end(start)
}

/** Graphs mostly repeat a few small attributes (axis, perm, to), so that their bytes are worth keeping. */
const known = new Map<string, Uint8Array>()
const KNOWN_AT_MOST = 1000
const KNOWN_LENGTH = 200

function encodeAttribute(name: string, attribute: Attribute): Uint8Array {
  if (typeof attribute === 'object' && !Array.isArray(attribute)) {
    return toBinary(AttributeProtoSchema, attributeToProto(name, attribute))
  }
  const key = JSON.stringify([name, attribute])
  const kept = known.get(key)
  if (kept) return kept
  const bytes = toBinary(AttributeProtoSchema, attributeToProto(name, attribute))
  if (known.size < KNOWN_AT_MOST && key.length <= KNOWN_LENGTH) known.set(key, bytes)
  return bytes
}
