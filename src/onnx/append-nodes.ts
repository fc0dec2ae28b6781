import { toBinary } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { decoded } from './decoded.ts'
import { isField, rewrite } from './edit.ts'
import { asField } from './edit-nodes.ts'
import type { Node, ValueInfo } from './graph.ts'
import { NodeProtoSchema, TensorProtoSchema, ValueInfoProtoSchema } from './onnx_pb.ts'
import { decodeModel } from './read.ts'
import { nodeToProto, tensorToProto, valueInfoToProto } from './to-proto.ts'
import { concatenate, wireFields } from './wire.ts'

const MODEL_GRAPH = 7
const GRAPH_NODE = 1
const GRAPH_INITIALIZER = 5
const GRAPH_INPUT = 11
const NODE_OUTPUT = 2
const NODE_ATTRIBUTE = 5
const ATTRIBUTE_GRAPH = 6

/** What comes right behind a node. */
export interface NodesBehind {
  /** What the node's first output is called from now on. */
  readonly renamed: string
  /** In order; one of them gives the output under its old name. */
  readonly nodes: readonly Node[]
}

/**
 * A model with nodes more behind some of its own, those in branches and loops among them: these give their first output under another
 * name, and what follows makes the old one of it. Every other byte stays.
 *
 * @param changes By the first output of the node; branches may each have one.
 * @param initializers Of the main graph.
 * @param inputs More inputs of the graph; an initialiser of the same name is an input's default.
 * @throws ModelError `no-such-output` where no node gives one of them.
 * @example
 * const scaled = appendNodes(bytes, new Map([['h', { renamed: 'h/base', nodes: [times('h/base', 'h')] }]]), new Map())
 */
export function appendNodes(
  bytes: Uint8Array,
  changes: ReadonlyMap<string, NodesBehind>,
  initializers: ReadonlyMap<string, Tensor>,
  inputs: readonly ValueInfo[] = [],
): Uint8Array<ArrayBuffer> {
  decodeModel(bytes)
  const missing = new Set(changes.keys())
  const chunks = rewrite(bytes, isField(MODEL_GRAPH), (graph) => {
    const parts = withNodesBehind(graph, changes, missing)
    for (const [name, tensor] of initializers) {
      parts.push(...asField(GRAPH_INITIALIZER, toBinary(TensorProtoSchema, tensorToProto(name, tensor))))
    }
    for (const info of inputs) {
      parts.push(...asField(GRAPH_INPUT, toBinary(ValueInfoProtoSchema, valueInfoToProto(info))))
    }
    return parts
  })
  const [first] = missing
  if (first === undefined && chunks) return concatenate(chunks)
  throw new ModelError(
    'no-such-output',
    `The model has no node that gives ${JSON.stringify(first)}, so that none can be put behind it.`,
  )
}

/** The fields of a graph; what is found of `changes` is taken out of `missing`. */
function withNodesBehind(
  graph: Uint8Array,
  changes: ReadonlyMap<string, NodesBehind>,
  missing: Set<string>,
): Uint8Array[] {
  const parts: Uint8Array[] = []
  const within = (attribute: Uint8Array) =>
    rewrite(attribute, isField(ATTRIBUTE_GRAPH), (body) => withNodesBehind(body, changes, missing))
  for (const field of wireFields(graph)) {
    const value = graph.subarray(field.value, field.end)
    const isNode = isField(GRAPH_NODE)(field)
    const [output = ''] = isNode ? decoded(NodeProtoSchema, value).output : []
    const change = changes.get(output)
    missing.delete(output)
    const body = isNode && !change ? rewrite(value, isField(NODE_ATTRIBUTE), within) : undefined
    if (change) parts.push(...withNodes(value, change))
    else if (body) parts.push(...asField(GRAPH_NODE, concatenate(body)))
    else parts.push(graph.subarray(field.start, field.end))
  }
  return parts
}

function withNodes(node: Uint8Array, { renamed, nodes }: NodesBehind): Uint8Array[] {
  let place = 0
  const named = rewrite(node, isField(NODE_OUTPUT), () =>
    place++ === 0 ? [new TextEncoder().encode(renamed)] : undefined,
  )
  return [
    ...asField(GRAPH_NODE, concatenate(named ?? [node])),
    ...nodes.flatMap((one) => asField(GRAPH_NODE, toBinary(NodeProtoSchema, nodeToProto(one)))),
  ]
}
