import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Attribute, float, graph, type Node, strings, tensor } from './graph.ts'
import { encodeNodes } from './node-writer.ts'
import { GraphProtoSchema } from './onnx_pb.ts'
import { nodeToProto } from './to-proto.ts'

const empty = { name: 'g', inputs: [], outputs: [], initializers: new Map(), nodes: [] }
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ minLength: 100, maxLength: 300 }))
const inner: Node = {
  op: 'Add',
  domain: '',
  name: 'n'.repeat(130),
  inputs: ['a', 'b'],
  outputs: ['c'],
  attributes: { body: graph(empty), axis: 1 },
}
const weights = { type: 'float32', dims: [50], data: new Float32Array(50).fill(0.5) } as const
const filled = {
  name: 'body',
  inputs: [
    { name: 'a', type: 'float32', dims: ['N', 300, '', 0] },
    { name: 'odd', type: 'bool', dims: [-1] },
    { name: '', type: 'float32', dims: [], untyped: true },
  ],
  outputs: [
    { name: 'c', type: 'int64', dims: undefined },
    { name: 'scalar', type: 'float16', dims: [] },
  ],
  initializers: new Map([['b', weights]]),
  nodes: [inner, { ...inner, name: '', domain: 'com.microsoft' }],
} as const
const anyAttribute: fc.Arbitrary<Attribute> = fc.oneof(
  fc.integer(),
  fc.array(fc.integer(), { maxLength: 60 }),
  anyText,
  fc.constantFrom<Attribute>(float(1.5), strings(['ä']), graph(empty), graph(filled)),
  fc.nat(70_000).map((length) => tensor({ type: 'uint8', dims: [length], data: new Uint8Array(length) })),
)
const anyNode: fc.Arbitrary<Node> = fc.record({
  op: anyText,
  domain: fc.constantFrom('', 'com.microsoft'),
  name: anyText,
  inputs: fc.array(anyText),
  outputs: fc.array(anyText),
  attributes: fc.dictionary(fc.string(), anyAttribute),
})

it('writes nodes as the protobuf library does, whatever their lengths', () => {
  fc.assert(
    fc.property(fc.array(anyNode, { maxLength: 20 }), (nodes) => {
      const expected = toBinary(GraphProtoSchema, create(GraphProtoSchema, { node: nodes.map(nodeToProto) }))
      expect(Buffer.compare(encodeNodes(nodes), expected)).toBe(0)
    }),
  )
})

it('tells attributes of one name and other values apart', () => {
  const node = (axis: Attribute): Node => ({
    op: 'A',
    domain: '',
    name: '',
    inputs: [],
    outputs: [],
    attributes: { axis },
  })
  const encoded = [1, [1], '1', [1, 1]].map((axis) => encodeNodes([node(axis)]).join())
  expect(new Set(encoded).size).toBe(4)
})
