import {
  graph as asGraph,
  float,
  type Graph,
  type Node,
  plainNode as node,
  outputName,
} from '../../onnx/graph.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import type { Adapter, Place } from './lora-places.ts'

/** A low-rank update, and where its weight is worked with. */
export type Placed = Adapter & Pick<Place, 'nodes' | 'readElsewhere' | 'dims'>

const SCALE = 'lora/scale'

/**
 * The graph with low-rank updates. Beside each node that computes x W stands scale (x A^T) B^T, so that neither the sum
 * W + scale B A nor a gradient of its size is ever made: with n rows of x that takes n r (in + out) multiplications
 * where the other takes r in out, and in the backward pass n in out besides. Only a weight that something else reads,
 * too, as an embedding's table that is also the head, becomes the sum.
 */
export function withUpdates(graph: Graph, adapters: readonly Placed[], scale: number): Graph {
  const initializers = new Map(graph.initializers)
  initializers.set(SCALE, float32([], [scale]))
  const whole = adapters.filter(({ readElsewhere }) => readElsewhere)
  const sums = new Map(whole.map(({ weight }) => [weight, `${weight}/adapted`]))
  const before = whole.flatMap((adapter) => sumNodes(adapter, adapter.dims, initializers))
  const beside = new Map<string, Adapter>()
  for (const adapter of adapters) {
    if (adapter.readElsewhere) continue
    for (const node of adapter.nodes) beside.set(outputName(node, 0), adapter)
  }
  return { ...graph, initializers, nodes: [...before, ...changed(graph.nodes, sums, beside)] }
}

/** The nodes with the updates beside them, those in the bodies of loops and branches included. */
function changed(
  nodes: readonly Node[],
  sums: ReadonlyMap<string, string>,
  beside: ReadonlyMap<string, Adapter>,
): Node[] {
  return nodes.flatMap((node) => {
    const attributes = Object.entries(node.attributes).map(([key, attribute]) => {
      if (typeof attribute !== 'object' || !('kind' in attribute) || attribute.kind !== 'graph') {
        return [key, attribute] as const
      }
      const { value } = attribute
      return [key, asGraph({ ...value, nodes: changed(value.nodes, sums, beside) })] as const
    })
    const own = {
      ...node,
      inputs: node.inputs.map((name) => sums.get(name) ?? name),
      attributes: Object.fromEntries(attributes),
    }
    const adapter = beside.get(outputName(node, 0))
    return adapter ? withUpdate(own, adapter) : [own]
  })
}

/**
 * x W + scale (x A^T) B^T in place of x W, under the same name.
 *
 * @param scaledB Whether B has the scale in it already.
 */
export function withUpdate(own: Node, { layout, a, b }: Adapter, scaledB = false): Node[] {
  const output = outputName(own, 0)
  const at = (part: string): string => `${output}/lora_${part}`
  const [x = ''] = own.inputs
  const base: Node = { ...own, outputs: [at('base'), ...own.outputs.slice(1)] }
  const sum = { ...node('Add', [at('base'), at('update')], output), name: at('sum') }
  if (layout === 'conv') {
    // The kernel of A lies where the weight's does; B is one of 1.
    const down = node('Conv', [x, a], at('down'), own.attributes)
    const scaled = scaledB ? [] : [node('Mul', [at('down'), SCALE], at('scaled'))]
    const up = node('Conv', [at(scaledB ? 'down' : 'scaled'), b], at('update'))
    return [base, down, ...scaled, up, sum]
  }
  const { alpha, transA } = own.op === 'Gemm' ? own.attributes : {}
  const rows = transA === 1 ? at('rows') : x
  const down = node('MatMul', [rows, at('A')], at('down'))
  const scaled = scaledB ? [] : [node('Mul', [at('down'), SCALE], at('scaled'))]
  const up = [at(scaledB ? 'down' : 'scaled'), at('B')]
  const factor =
    alpha && typeof alpha === 'object' && 'kind' in alpha && alpha.kind === 'float' ? alpha.value : 1
  return [
    base,
    ...(transA === 1 ? [node('Transpose', [x], rows, { perm: [1, 0] })] : []),
    node('Transpose', [a], at('A'), { perm: [1, 0] }),
    node('Transpose', [b], at('B'), { perm: [1, 0] }),
    down,
    ...scaled,
    ...(factor === 1
      ? [node('MatMul', up, at('update'))]
      : [node('Gemm', up, at('update'), { alpha: float(factor) })]),
    sum,
  ]
}

/** W + scale B A, as the weight lies. */
function sumNodes(
  { weight, layout, a, b }: Adapter,
  dims: readonly number[],
  initializers: Map<string, Tensor>,
): Node[] {
  const at = (part: string): string => `${weight}/lora_${part}`
  const add = [
    node('Mul', [at('product'), SCALE], at('update')),
    node('Add', [weight, at('update')], `${weight}/adapted`),
  ]
  // Gemm is a product that may transpose both: (B A)^T = A^T B^T.
  const one = float(1)
  if (layout === 'in-out') {
    return [node('Gemm', [a, b], at('product'), { alpha: one, transA: 1, transB: 1 }), ...add]
  }
  if (layout === 'out-in') return [node('Gemm', [b, a], at('product'), { alpha: one }), ...add]
  initializers.set(at('dims'), { type: 'int64', dims: [dims.length], data: BigInt64Array.from(dims, BigInt) })
  return [
    node('Flatten', [a], at('rows'), { axis: 1 }),
    node('Flatten', [b], at('columns'), { axis: 1 }),
    node('Gemm', [at('columns'), at('rows')], at('flat'), { alpha: one }),
    node('Reshape', [at('flat'), at('dims')], at('product')),
    ...add,
  ]
}
