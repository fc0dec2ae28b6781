import { toBinary } from '@bufbuild/protobuf'
import { AttributeCode } from './codes.ts'
import type { Attribute, Graph, Node } from './graph.ts'
import { AttributeProtoSchema, GraphProtoSchema, NodeProtoSchema } from './onnx_pb.ts'
import { attributeToProto, graphToProto } from './to-proto.ts'

const LENGTH_DELIMITED = 2
const GRAPH_NODE = GraphProtoSchema.field.node.number
const node = NodeProtoSchema.field
const attributeField = AttributeProtoSchema.field

/**
 * The `node` fields of a GraphProto: the same bytes as the protobuf library's, about ten times sooner, which is felt
 * where a step of thousands of nodes is built. One buffer grows; messages are written first and their lengths put
 * before them afterwards.
 */
export function encodeNodes(nodes: readonly Node[]): Uint8Array {
  const writer = new MessageWriter()
  writeNodes(writer, nodes)
  return writer.finish()
}

function writeNodes(writer: MessageWriter, nodes: readonly Node[]): void {
  for (const { inputs, outputs, name, op, domain, attributes } of nodes) {
    const start = writer.begin(GRAPH_NODE)
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
  writer.append(toBinary(GraphProtoSchema, graphToProto({ ...graph, nodes: [] })))
  writer.end(inside)
  writer.integer(attributeField.type.number, AttributeCode.graph)
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

class MessageWriter {
  private buffer = new Uint8Array(1 << 16)
  private position = 0
  private readonly utf8 = new TextEncoder()

  finish(): Uint8Array {
    return this.buffer.subarray(0, this.position)
  }

  /** Opens an embedded message; one byte is left for its length, enough for most. */
  begin(fieldNumber: number): number {
    this.reserve(11)
    this.varint(fieldNumber * 8 + LENGTH_DELIMITED)
    return ++this.position
  }

  /** Closes the message whose contents started at `start`, moving them if their length needs more than one byte. */
  end(start: number): void {
    const length = this.position - start
    this.reserve(10)
    let width = 1
    for (let rest = length; rest > 127; rest = Math.floor(rest / 128)) width++
    if (width > 1) this.buffer.copyWithin(start + width - 1, start, this.position)
    this.position = start - 1
    this.varint(length)
    this.position += length
  }

  text(fieldNumber: number, text: string): void {
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    this.reserve(11 + text.length * 3)
    this.varint(fieldNumber * 8 + LENGTH_DELIMITED)
    const start = ++this.position
    const { written } = this.utf8.encodeInto(text, this.buffer.subarray(start))
    this.position += written
    this.end(start)
  }

  bytes(fieldNumber: number, bytes: Uint8Array): void {
    this.reserve(11)
    this.varint(fieldNumber * 8 + LENGTH_DELIMITED)
    this.varint(bytes.byteLength)
    this.append(bytes)
  }

  /** Fields that are encoded already. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.byteLength)
    this.buffer.set(bytes, this.position)
    this.position += bytes.byteLength
  }

  integer(fieldNumber: number, value: number): void {
    this.reserve(20)
    this.varint(fieldNumber * 8)
    this.varint(value)
  }

  private varint(value: number): void {
    let rest = value
    while (rest > 127) {
      this.buffer[this.position++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.buffer[this.position++] = rest
  }

  private reserve(length: number): void {
    if (this.position + length <= this.buffer.byteLength) return
    const larger = new Uint8Array(Math.max(this.buffer.byteLength * 2, this.position + length))
    larger.set(this.buffer.subarray(0, this.position))
    this.buffer = larger
  }
}
