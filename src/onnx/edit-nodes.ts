import { toBinary } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { decoded } from './decoded.ts'
import { isField, rewrite } from './edit.ts'
import type { Node } from './graph.ts'
import { NodeProtoSchema, TensorProtoSchema } from './onnx_pb.ts'
import { decodeModel } from './read.ts'
import { nodeToProto, tensorToProto } from './to-proto.ts'
import { concatenate, fieldHead, wireFields } from './wire.ts'

const MODEL_GRAPH = 7
const GRAPH_NODE = 1
const GRAPH_INITIALIZER = 5
const NODE_INPUT = 1

export interface NodesBefore {
  /** A value of the main graph: the node that gives it is the one that is changed. */
  readonly output: string
  /** What comes before that node, in order, by what the node has read first until now. */
  readonly nodes: (input: string) => readonly Node[]
  readonly initializers: ReadonlyMap<string, Tensor>
  /** What the node reads in place of its first input. */
  readonly reads: string
}

/**
 * A model with nodes more, put right before one that then reads what they give. Every other byte stays.
 *
 * @throws ModelError `no-such-output` where no node of the main graph gives the value.
 * @example
 * const clipped = insertNodes(bytes, { output: 'logits', nodes: (x) => [clip(x)], initializers: new Map(), reads: 'clipped' })
 */
export function insertNodes(bytes: Uint8Array, change: NodesBefore): Uint8Array<ArrayBuffer> {
  decodeModel(bytes)
  let found = false
  const chunks = rewrite(bytes, isField(MODEL_GRAPH), (graph) => {
    const parts: Uint8Array[] = []
    for (const field of wireFields(graph)) {
      const value = graph.subarray(field.value, field.end)
      const isNode =
        isField(GRAPH_NODE)(field) && decoded(NodeProtoSchema, value).output.includes(change.output)
      found ||= isNode
      parts.push(...(isNode ? withNodes(value, change) : [graph.subarray(field.start, field.end)]))
    }
    for (const [name, tensor] of change.initializers) {
      parts.push(...asField(GRAPH_INITIALIZER, toBinary(TensorProtoSchema, tensorToProto(name, tensor))))
    }
    return parts
  })
  if (found && chunks) return concatenate(chunks)
  throw new ModelError(
    'no-such-output',
    `The model has no node that gives ${JSON.stringify(change.output)}, so that none can be put before it.`,
  )
}

function withNodes(node: Uint8Array, { nodes, reads }: NodesBefore): Uint8Array[] {
  let place = 0
  const [first = ''] = decoded(NodeProtoSchema, node).input
  const reading = rewrite(node, isField(NODE_INPUT), () =>
    place++ === 0 ? [new TextEncoder().encode(reads)] : undefined,
  )
  return [
    ...nodes(first).flatMap((one) => asField(GRAPH_NODE, toBinary(NodeProtoSchema, nodeToProto(one)))),
    ...asField(GRAPH_NODE, concatenate(reading ?? [node])),
  ]
}

/** A message as a field of another. */
export const asField = (number: number, message: Uint8Array): Uint8Array[] => [
  fieldHead(number, message.length),
  message,
]
