import { classesFromMetadata, classesToMetadata } from '../../data/names/index.ts'
import { dtypeOfCode } from '../../onnx/codes.ts'
import { insertNodes } from '../../onnx/edit-nodes.ts'
import { editMetadata, editValueDims } from '../../onnx/edit-signature.ts'
import type { Graph } from '../../onnx/graph.ts'
import type { ModelProto, NodeProto, TensorProto } from '../../onnx/onnx_pb.ts'
import { decodeModel } from '../../onnx/read.ts'
import { type FloatType, floatsAs, isFloatType } from '../../tensor/convert.ts'
import type { Model } from '../model.ts'
import { EXPANDED, EXPANSION, expansionNodes, expansionOf } from './expand.ts'
import { findHead, type Head } from './head.ts'
import { withClasses } from './widen.ts'

/**
 * The file that a model came from, described as the model is now: the values that the head leads to have as many classes
 * as it, the metadata name them, and random features stand before the head where the model has them ({@link expandHead}). The bytes come
 * back as they are when nothing of that has changed.
 */
export function withHeadOf(original: Uint8Array, model: Model): Uint8Array {
  const head = findHead(model)
  const proto = decodeModel(original)
  const bytes = withExpansion(original, proto, model, head)
  const before = head && (storedDims(proto, head.weight)?.[head.classAxis] ?? head.classes)
  const known = classesFromMetadata(
    Object.fromEntries(proto.metadataProps.map(({ key = '', value = '' }) => [key, value])),
  )
  if (!head) return bytes
  const widened = before !== head.classes
  const relabelled =
    widened || (known !== undefined && JSON.stringify(known) !== JSON.stringify(model.classes))
  const reached = widened ? downstream(model.graph, head.values) : new Set<string>()
  const old = { ...head, classes: before ?? head.classes }
  const wider = widened
    ? editValueDims(bytes, (info) => (reached.has(info.name) ? withClasses(info, old, head.classes) : info))
    : bytes
  if (!relabelled) return wider
  return editMetadata(wider, new Map(classesToMetadata(model.classes).map(({ key, value }) => [key, value])))
}

/** With the nodes of the expansion before the head, in the float type that the head reads. */
function withExpansion(
  bytes: Uint8Array,
  proto: ModelProto,
  model: Model,
  head: Head | undefined,
): Uint8Array {
  const expansion = expansionOf(model)
  const [output] = head?.values ?? []
  const known = proto.graph?.initializer.some(({ name }) => name === EXPANSION)
  if (!expansion || output === undefined || known) return bytes
  const node = proto.graph?.node.find((one) => one.output.includes(output))
  const type = operandType(proto, node?.input[1] ?? '')
  return insertNodes(bytes, {
    output,
    nodes: expansionNodes,
    initializers: new Map([[EXPANSION, floatsAs(expansion.weight, type, EXPANSION)]]),
    reads: EXPANDED,
  })
}

/** Ops that keep the dims of their first input. */
const keepsDims: readonly string[] = ['Identity', 'Cast', 'DequantizeLinear']

/** What a file holds, and what gives what. */
function contentsOf({ graph }: ModelProto) {
  const initializers = new Map(graph?.initializer.map((tensor) => [tensor.name, tensor]))
  const producers = new Map(
    graph?.node.flatMap((node) => node.output.map((output) => [output, node] as const)),
  )
  const tensor = (name: string): TensorProto | undefined => {
    const node = producers.get(name)
    const held =
      node?.opType === 'Constant' ? node.attribute.find((one) => one.name === 'value')?.t : undefined
    return initializers.get(name) ?? held
  }
  return { tensor, producer: (name: string): NodeProto | undefined => producers.get(name) }
}

/** Dims of a weight as the file has it: an initialiser, a Constant node's tensor, or behind a node that keeps dims. */
function storedDims(proto: ModelProto, name: string): readonly number[] | undefined {
  const { tensor, producer } = contentsOf(proto)
  const seen = new Set<string>()
  for (let at = name; !seen.has(at); ) {
    seen.add(at)
    const dims = tensor(at)?.dims
    if (dims) return dims.map(Number)
    const node = producer(at)
    if (!node || !keepsDims.includes(node.opType ?? '')) return undefined
    at = node.input[0] ?? at
  }
  return undefined
}

/** The float type of a value that is made of a weight: float32 where the file does not say another. */
function operandType(proto: ModelProto, name: string): FloatType {
  const { tensor, producer } = contentsOf(proto)
  const seen = new Set<string>()
  for (let at = name; !seen.has(at); ) {
    seen.add(at)
    const node = producer(at)
    const cast = node?.opType === 'Cast' ? node.attribute.find((one) => one.name === 'to')?.i : undefined
    const code = cast === undefined ? tensor(at)?.dataType : Number(cast)
    const type = code === undefined ? undefined : dtypeOfCode(code)
    if (type !== undefined) return isFloatType(type) ? type : 'float32'
    at = node?.input[node.opType === 'DequantizeLinear' ? 1 : 0] ?? at
  }
  return 'float32'
}

/** All values that are computed from these, and these. */
function downstream(graph: Graph, from: readonly string[]): ReadonlySet<string> {
  const reached = new Set(from)
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => reached.has(name))) continue
    for (const name of node.outputs) reached.add(name)
  }
  return reached
}
