import { type EncodeOptions, encodeGraph } from '../onnx/encode.ts'
import type { Graph } from '../onnx/graph.ts'
import { outputName } from '../onnx/graph.ts'
import { subgraphsOf } from '../onnx/walk.ts'
import { byteLengthOf } from '../tensor/bytes.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** A graph for a runtime, and weights that it reads from the caller's memory instead of holding them. */
export interface Loadable {
  /** An ONNX model. */
  readonly bytes: Uint8Array
  /** Inputs that are the same at every run, which the caller of a run does not see. */
  readonly held: ReadonlyMap<string, Tensor>
}

/** A model as a {@link Loadable}: bytes hold all their weights. */
export const asLoadable = (model: Uint8Array | Loadable): Loadable =>
  model instanceof Uint8Array ? { bytes: model, held: new Map() } : model

/** Smaller weights are constants: there are many of them, and an op may be faster for knowing one. */
const LEAST = 2 ** 18

/**
 * With fewer bytes of weights in all these stay constants, too. The runtime packs a constant for each product that reads it,
 * for the forward and the backward pass apart, and keeps what it was packed of where a third op reads that: three times
 * the weights beside the caller's own. For 128 rows a product of packed weights takes 5 to 10 % less time.
 */
export const heldFrom = 2 ** 27

/**
 * The graph encoded, with its large weights apart. Those are read where they lie, at every run, and nothing is copied. Kernels
 * of convolutions and whatever else other ops read stay constants: the runtime lays them out anew when it knows them.
 *
 * @param from Bytes of weights from which on they are held apart; default 128 MiB.
 * @example
 * const executable = await engine.load(loadable(builder.finish('step')))
 */
export function loadable(graph: Graph, from = heldFrom, options: EncodeOptions = {}): Loadable {
  const held = heldApart(graph, from)
  if (held.size === 0) return { bytes: encodeGraph(graph, options), held }
  const inputs = [...held].map(([name, { type, dims }]) => ({ name, type, dims }))
  const initializers = new Map([...graph.initializers].filter(([name]) => !held.has(name)))
  return {
    bytes: encodeGraph({ ...graph, inputs: [...graph.inputs, ...inputs], initializers }, options),
    held,
  }
}

/** The weights that {@link loadable} holds apart. */
export function heldApart(graph: Graph, from = heldFrom): ReadonlyMap<string, Tensor> {
  const others = readByOthers(graph)
  const large = [...graph.initializers].filter(
    ([name, { type, data }]) =>
      type === 'float32' && data.length >= Math.min(LEAST, from) && !others.has(name),
  )
  const bytes = large.reduce((sum, [, { dims }]) => sum + byteLengthOf('float32', dims), 0)
  return new Map(bytes < from ? [] : large)
}

/** Ops that are as fast, or nearly so, with weights that they do not know beforehand. */
const indifferent: ReadonlySet<string> = new Set(['Gather', 'Gemm', 'Identity', 'MatMul', 'Transpose'])

/** Names of values that an op reads which would be slower for not knowing them, those moved on the way included. */
function readByOthers(graph: Graph): ReadonlySet<string> {
  const names = new Set(graph.outputs.map(({ name }) => name))
  const visit = ({ nodes, outputs }: Graph): void => {
    for (const { name } of outputs) names.add(name)
    for (const node of [...nodes].reverse()) {
      for (const inner of subgraphsOf(node)) visit(inner)
      const moved = node.op === 'Identity' || node.op === 'Transpose'
      if (indifferent.has(node.op) && !(moved && names.has(outputName(node, 0)))) continue
      for (const name of node.inputs) names.add(name)
    }
  }
  visit(graph)
  return names
}
