import { toBinary } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { AttributeCode } from './codes.ts'
import { functionOpsets, withoutFunctions } from './functions.ts'
import type { Attribute, Graph, Node, ValueInfo } from './graph.ts'
import {
  type AttributeProto,
  AttributeProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorShapeProto_Dimension,
  type ValueInfoProto,
} from './onnx_pb.ts'
import { nameOf } from './proto-names.ts'
import { dtypeOf, type ExternalData, tensorFromProto, tensorFromSparseProto } from './tensor-proto.ts'
import { toInt64 } from './to-proto.ts'

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export interface FromProtoOptions {
  /** Fetches the bytes of tensors that lie in other files, as a loaded model file does. */
  readonly externalData?: ExternalData
}

/** A model's graph and what else is needed to run or rebuild it. */
export interface ModelContents {
  readonly graph: Graph
  /** Version of each operator set by domain; '' is the standard one. */
  readonly opsets: Readonly<Record<string, number>>
  readonly irVersion: number
  readonly producer: string
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * A model's graph, as Holdfast works on it. Old models list their initialisers among the inputs, too: those are no
 * inputs here. Sparse initialisers come out dense, and functions that the model defines itself in place of their calls.
 *
 * @throws ModelError `model-no-graph`; `graph-value` for inputs and outputs that are no tensors; `graph-duplicate` for
 * two initialisers of one name; `function-cycle`; and what {@link tensorFromProto} throws.
 * @example
 * const { graph, opsets } = graphFromModel(decodeModel(bytes))
 */
export function graphFromModel(model: ModelProto, options: FromProtoOptions = {}): ModelContents {
  if (!model.graph) throw new ModelError('model-no-graph', 'The model has no graph.')
  const opsets = model.opsetImport.map(({ domain = '', version = 1n }): [string, number] => [
    domain === 'ai.onnx' ? '' : domain,
    Number(version),
  ])
  return {
    graph: graphFromProto(withoutFunctions(model.graph, model.functions), options),
    // Models of before IR version 3 import nothing: theirs is the first operator set. Where a function imports another
    // version than the model, its ops are such as did not change between the two.
    opsets:
      opsets.length === 0
        ? { '': 1 }
        : { ...Object.fromEntries(functionOpsets(model.functions)), ...Object.fromEntries(opsets) },
    irVersion: Number(model.irVersion ?? 0n),
    producer: model.producerName ?? '',
    metadata: Object.fromEntries(model.metadataProps.map(({ key = '', value = '' }) => [key, value])),
  }
}

export function graphFromProto(proto: GraphProto, options: FromProtoOptions = {}, nested = false): Graph {
  const initializers = new Map<string, Tensor>()
  const add = (name: string, tensor: Tensor): void => {
    if (initializers.has(name)) {
      throw new ModelError(
        'graph-duplicate',
        `Graph ${JSON.stringify(nameOf(proto))} has two initialisers called ${JSON.stringify(name)}. The model is damaged.`,
      )
    }
    initializers.set(name, tensor)
  }
  for (const tensor of proto.initializer) add(nameOf(tensor), tensorFromProto(tensor, options.externalData))
  for (const sparse of proto.sparseInitializer) {
    add(sparse.values?.name ?? '', tensorFromSparseProto(sparse, options.externalData))
  }
  return {
    name: nameOf(proto),
    inputs: proto.input
      .filter(({ name = '' }) => !initializers.has(name))
      .map((info) => valueInfoFromProto(info, nested)),
    outputs: proto.output.map((info) => valueInfoFromProto(info, nested)),
    initializers,
    nodes: proto.node.map((node) => nodeFromProto(node, options)),
  }
}

/**
 * @param nested Whether the value belongs to a subgraph, whose inputs and outputs may come without a type.
 * @throws ModelError `graph-value` when it is no tensor.
 */
export function valueInfoFromProto(proto: ValueInfoProto, nested = false): ValueInfo {
  const name = nameOf(proto)
  const where = `Graph input or output ${JSON.stringify(name)}`
  const value = proto.type?.value
  if (value?.case === undefined && nested) return { name, type: 'float32', dims: undefined, untyped: true }
  if (value?.case !== 'tensorType') {
    const found = value?.case === undefined ? 'no type' : `a ${value.case.replace(/Type$/, '')}`
    throw new ModelError('graph-value', `${where} has ${found}, but Holdfast works on tensors only.`)
  }
  const { elemType, shape } = value.value
  if (!elemType && nested) return { name, type: 'float32', dims: undefined, untyped: true }
  return { name, type: dtypeOf(elemType, where), dims: shape?.dim.map(dimFromProto) }
}

/** Some exporters write -1 for a size that is unknown. */
function dimFromProto({ value }: TensorShapeProto_Dimension): number | string {
  if (value.case === undefined) return ''
  if (value.case === 'dimParam') return value.value
  return value.value < 0n ? '' : Number(value.value)
}

export function nodeFromProto(proto: NodeProto, options: FromProtoOptions = {}): Node {
  const { domain = '', name = '', opType = '' } = proto
  return {
    op: opType,
    domain: domain === 'ai.onnx' ? '' : domain,
    name,
    inputs: proto.input,
    outputs: proto.output,
    attributes: Object.fromEntries(
      proto.attribute.map((attribute) => [nameOf(attribute), attributeFromProto(attribute, options)]),
    ),
  }
}

/** What the other kinds cannot say without loss comes out as `raw`. */
export function attributeFromProto(proto: AttributeProto, options: FromProtoOptions = {}): Attribute {
  if (proto.refAttrName) return raw(proto)
  switch (proto.type || guessType(proto)) {
    case AttributeCode.float:
      return { kind: 'float', value: proto.f ?? 0 }
    case AttributeCode.floats:
      return { kind: 'floats', value: proto.floats }
    case AttributeCode.int:
      return ints([proto.i ?? 0n])?.[0] ?? raw(proto)
    case AttributeCode.ints:
      return ints(proto.ints) ?? raw(proto)
    case AttributeCode.string:
      return texts([proto.s ?? new Uint8Array()])?.[0] ?? raw(proto)
    case AttributeCode.strings: {
      const value = texts(proto.strings)
      return value ? { kind: 'strings', value } : raw(proto)
    }
    case AttributeCode.tensor:
      return proto.t ? { kind: 'tensor', value: tensorFromProto(proto.t, options.externalData) } : raw(proto)
    case AttributeCode.graph:
      return proto.g ? { kind: 'graph', value: graphFromProto(proto.g, options, true) } : raw(proto)
    default:
      return raw(proto)
  }
}

function raw(proto: AttributeProto): Attribute {
  return { kind: 'raw', bytes: toBinary(AttributeProtoSchema, proto) }
}

/** Files of IR version 1 do not say which kind an attribute is: it is that of the field that is there. */
function guessType(proto: AttributeProto): number | undefined {
  if (proto.f !== undefined) return AttributeCode.float
  if (proto.i !== undefined) return AttributeCode.int
  if (proto.s !== undefined) return AttributeCode.string
  if (proto.t !== undefined) return AttributeCode.tensor
  if (proto.g !== undefined) return AttributeCode.graph
  if (proto.floats.length > 0) return AttributeCode.floats
  if (proto.ints.length > 0) return AttributeCode.ints
  if (proto.strings.length > 0) return AttributeCode.strings
  return undefined
}

/** Plain numbers, if writing them gives the same integers: all up to 2^53, and INT64_MAX and INT64_MIN. */
function ints(values: readonly bigint[]): number[] | undefined {
  const numbers = values.map(Number)
  return numbers.every((number, index) => toInt64(number, '') === values[index]) ? numbers : undefined
}

function texts(values: readonly Uint8Array[]): string[] | undefined {
  try {
    return values.map((bytes) => strictUtf8.decode(bytes))
  } catch {
    return undefined
  }
}
