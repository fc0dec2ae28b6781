import { classesFromMetadata, classesToMetadata } from '../../data/names/index.ts'
import { editMetadata, editValueDims } from '../../onnx/edit-signature.ts'
import type { Graph } from '../../onnx/graph.ts'
import type { ModelProto } from '../../onnx/onnx_pb.ts'
import { decodeModel } from '../../onnx/read.ts'
import type { Model } from '../model.ts'
import { findHead } from './head.ts'
import { withClasses } from './widen.ts'

/**
 * The file that a model came from, described as the model is now: the values that the head leads to have as many classes
 * as it, and the metadata name them. The bytes come back as they are when nothing of that has changed.
 */
export function withHeadOf(bytes: Uint8Array, model: Model): Uint8Array {
  const head = findHead(model)
  const proto = decodeModel(bytes)
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

/** Dims of a weight as the file has it: an initialiser, a Constant node's tensor, or behind a node that keeps dims. */
function storedDims({ graph }: ModelProto, name: string): readonly number[] | undefined {
  const initializers = new Map(graph?.initializer.map((proto) => [proto.name, proto]))
  const producers = new Map(
    graph?.node.flatMap((node) => node.output.map((output) => [output, node] as const)),
  )
  const keepsDims = ['Identity', 'Cast', 'DequantizeLinear']
  const seen = new Set<string>()
  for (let at = name; !seen.has(at); ) {
    seen.add(at)
    const node = producers.get(at)
    const constant =
      node?.opType === 'Constant' ? node.attribute.find((one) => one.name === 'value')?.t : undefined
    const dims = (initializers.get(at) ?? constant)?.dims
    if (dims) return dims.map(Number)
    if (!node || !keepsDims.includes(node.opType ?? '')) return undefined
    at = node.input[0] ?? at
  }
  return undefined
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
