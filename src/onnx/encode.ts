import { create, toBinary } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import { bytesOf } from '../tensor/bytes.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Attribute, Graph, GraphAttribute } from './graph.ts'
import { encodeEnds, encodeNodes } from './node-writer.ts'
import { GraphProtoSchema, ModelProtoSchema, TensorProtoSchema } from './onnx_pb.ts'
import { graphToProto, tensorHeaderToProto, tensorToProto } from './to-proto.ts'
import { concatenate, fieldHead, totalLength } from './wire.ts'

/** Field numbers of onnx.proto that are framed by hand here. */
const MODEL_GRAPH = 7
const GRAPH_INITIALIZER = 5
const TENSOR_RAW_DATA = 9

/** What protobuf's readers take at most: 2 GiB less one byte. */
export const PROTOBUF_LIMIT = 2 ** 31 - 1

const defaultOpsets: Readonly<Record<string, number>> = {
  '': 21,
  'com.microsoft': 1,
  'com.microsoft.nchwc': 1,
}

export interface EncodeOptions {
  /** Version of each operator set by domain ('' is the standard one). Default: 21 for '', 1 for those of com.microsoft if used. */
  readonly opsets?: Readonly<Record<string, number>>
  /** Default 10, the IR version that came with opset 21. */
  readonly irVersion?: number
  /** Name of the program that the file says it was made by. Default 'holdfast'. */
  readonly producer?: string
}

/**
 * The bytes of an ONNX model of this graph. Initialisers are copied once, as raw data.
 *
 * @throws ModelError `opset-missing` when a node's domain has no version; `model-too-large` from 2 GiB on, which only
 * external data can hold; `attribute-value` for an attribute that its ONNX type cannot hold.
 * @example
 * const bytes = encodeGraph({ name: 'double', inputs: [x], outputs: [y], initializers: new Map(), nodes: [add] })
 */
export function encodeGraph(graph: Graph, options: EncodeOptions = {}): Uint8Array<ArrayBuffer> {
  const body = graphChunks(graph)
  const before = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(options.irVersion ?? 10),
      producerName: options.producer ?? 'holdfast',
    }),
  )
  const after = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { opsetImport: opsetImports(graph, options) }),
  )
  const chunks = [before, fieldHead(MODEL_GRAPH, totalLength(body)), ...body, after]
  const size = totalLength(chunks)
  if (size > PROTOBUF_LIMIT) {
    throw new ModelError(
      'model-too-large',
      `The model takes ${size} bytes, but protobuf ends at ${PROTOBUF_LIMIT}. Save it with external data instead.`,
    )
  }
  return concatenate(chunks)
}

/**
 * The encoded GraphProto in pieces. Initialisers are framed by hand around the tensors' own memory, since protobuf's
 * writer would copy them once for every level of nesting.
 */
function graphChunks(graph: Graph): Uint8Array[] {
  const { nodes, name, inputs, outputs } = graph
  const none = { name, nodes: [], inputs: [], outputs: [], initializers: new Map<string, Tensor>() }
  const chunks: Uint8Array[] = [encodeNodes(nodes), toBinary(GraphProtoSchema, graphToProto(none))]
  for (const [key, tensor] of graph.initializers) {
    const tensorChunks = initializerChunks(key, tensor)
    chunks.push(fieldHead(GRAPH_INITIALIZER, totalLength(tensorChunks)), ...tensorChunks)
  }
  chunks.push(encodeEnds({ inputs, outputs }))
  return chunks
}

/** The encoded TensorProto in pieces. */
export function initializerChunks(name: string, tensor: Tensor): Uint8Array[] {
  if (tensor.type === 'string') return [toBinary(TensorProtoSchema, tensorToProto(name, tensor))]
  const bytes = bytesOf(tensor)
  const header = toBinary(TensorProtoSchema, tensorHeaderToProto(name, tensor))
  return [header, fieldHead(TENSOR_RAW_DATA, bytes.byteLength), bytes]
}

function opsetImports(graph: Graph, options: EncodeOptions): { domain: string; version: bigint }[] {
  const opsets = new Map(Object.entries(options.opsets ?? {}))
  for (const domain of new Set(['', ...domainsOf(graph)])) {
    if (opsets.has(domain)) continue
    const version = Object.hasOwn(defaultOpsets, domain) ? defaultOpsets[domain] : undefined
    if (version === undefined) {
      throw new ModelError(
        'opset-missing',
        `Graph ${JSON.stringify(graph.name)} has nodes of domain ${JSON.stringify(domain)}, but no version of that ` +
          'operator set was given. Name it in options.opsets.',
      )
    }
    opsets.set(domain, version)
  }
  return Array.from(opsets, ([domain, version]) => ({ domain, version: BigInt(version) }))
}

function* domainsOf(graph: Graph): Generator<string> {
  for (const node of graph.nodes) {
    yield node.domain === 'ai.onnx' ? '' : node.domain
    for (const attribute of Object.values(node.attributes)) {
      if (isGraph(attribute)) yield* domainsOf(attribute.value)
    }
  }
}

function isGraph(attribute: Attribute): attribute is GraphAttribute {
  return typeof attribute === 'object' && 'kind' in attribute && attribute.kind === 'graph'
}
