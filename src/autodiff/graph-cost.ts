import { type Graph, type Node, outputName } from '../onnx/graph.ts'
import { namesRead, subgraphsOf } from '../onnx/walk.ts'
import { attributeReader, nodeLabel, type Value } from '../ops/core/index.ts'
import { equationOf } from '../ops/products/index.ts'
import { opTable } from '../ops/table.ts'
import { byteLengthOf } from '../tensor/bytes.ts'
import { sizeOf, type TensorType } from '../tensor/tensor.ts'

/** What running a graph once takes, counted from its dims; nothing is run. */
export interface GraphCost {
  /** Those of loops once. */
  readonly nodes: number
  /** A multiplication and an addition count 2; other ops 1 for each element of their outputs; moving nothing counts 0. */
  readonly flops: number
  /** Of these, those of matrix products, convolutions and recurrent layers. */
  readonly productFlops: number
  /** Of each node of the graph, in order. */
  readonly nodeFlops: readonly number[]
  /** What lies in memory all the time: inputs and initialisers. */
  readonly heldBytes: number
  /** Most that nodes' outputs take at one time; each is given up after its last use, those of the graph never. */
  readonly peakBytes: number
  /** The same without the graph's outputs, which may be written to where the caller wants them. */
  readonly innerPeakBytes: number
}

/** Ops whose output is their input's memory seen otherwise. */
const views: ReadonlySet<string> = new Set(['Flatten', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze'])

/**
 * Counts the operations and the memory of a graph with concrete dims, as a builder finishes it.
 *
 * @param outside Values that a body reads from the graph around it.
 * @example
 * const { flops, heldBytes, peakBytes } = graphCost(builder.finish('step'))
 */
export function graphCost(graph: Graph, outside: ReadonlyMap<string, Value> = new Map()): GraphCost {
  const values = new Map(outside)
  for (const { name, type, dims } of graph.inputs)
    values.set(name, { name, type, dims: (dims ?? []).map(Number) })
  for (const [name, tensor] of graph.initializers) {
    values.set(name, { name, type: tensor.type, dims: tensor.dims, constant: tensor })
  }
  const held = [...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()]
  const memory = new Memory(graph)
  const nodeFlops: number[] = []
  let nodes = 0
  let productFlops = 0
  graph.nodes.forEach((node, at) => {
    const inputs = node.inputs.map((name) => values.get(name))
    const { outputs, ...cost } = node.op === 'Scan' ? scanCost(node, inputs, values) : plainCost(node, inputs)
    nodeFlops.push(cost.flops)
    productFlops += cost.productFlops
    nodes += cost.nodes
    for (const value of outputs) values.set(value.name, value)
    memory.run(node, at, outputs, cost.peakBytes)
  })
  return {
    nodes,
    flops: nodeFlops.reduce((sum, each) => sum + each, 0),
    productFlops,
    nodeFlops,
    heldBytes: held.reduce((sum, name) => sum + bytesOf(values.get(name)), 0),
    peakBytes: memory.peak,
    innerPeakBytes: memory.innerPeak,
  }
}

interface NodeCost {
  readonly outputs: readonly Value[]
  readonly flops: number
  readonly productFlops: number
  readonly nodes: number
  /** Of what is inside the node. */
  readonly peakBytes: number
}

function plainCost(node: Node, inputs: readonly (Value | undefined)[]): NodeCost {
  const definition = opTable.get(node.op)
  const context = {
    op: node.op,
    name: node.name,
    inputs,
    attributes: attributeReader(node.attributes, nodeLabel(node)),
    outputs: node.outputs.length,
  }
  const types = definition?.shape(context) ?? []
  const outputs = node.outputs.map((name, at): Value => ({ type: 'float32', dims: [], ...types[at], name }))
  const products = productFlopsOf(node, inputs, outputs)
  const flops =
    products ?? (views.has(node.op) ? 0 : outputs.reduce((sum, { dims }) => sum + sizeOf(dims), 0))
  return { outputs, flops, productFlops: products ?? 0, nodes: 1, peakBytes: 0 }
}

/** undefined for a node that is no product. */
function productFlopsOf(
  node: Pick<Node, 'op' | 'name' | 'attributes'>,
  inputs: readonly (Value | undefined)[],
  outputs: readonly Value[],
): number | undefined {
  const [x = [], w = [], r = []] = inputs.map((input) => input?.dims)
  const [y = []] = outputs.map(({ dims }) => dims)
  const attributes = attributeReader(node.attributes, nodeLabel(node))
  switch (node.op) {
    case 'MatMul':
    case 'MatMulInteger':
      return 2 * sizeOf(y) * (x.at(-1) ?? 1)
    case 'Gemm':
      return 2 * sizeOf(y) * (x[attributes.int('transA', 0) === 1 ? 0 : 1] ?? 1)
    case 'Conv':
      return 2 * sizeOf(y) * sizeOf(w.slice(1))
    case 'ConvTranspose':
      return 2 * sizeOf(x) * sizeOf(w.slice(1))
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      // Each position and row is multiplied with all weights of both kinds once.
      return 2 * sizeOf(x.slice(0, 2)) * (sizeOf(w) + sizeOf(r))
    case 'Einsum':
      return 2 * sizeOf([...equationOf({ op: node.op, name: node.name, inputs, attributes }).sizes.values()])
    default:
      return undefined
  }
}

/** The body as often as there are entries to go through. */
function scanCost(
  node: Node,
  inputs: readonly (Value | undefined)[],
  around: ReadonlyMap<string, Value>,
): NodeCost {
  const [body] = subgraphsOf(node)
  if (!body) return { outputs: [], flops: 0, productFlops: 0, nodes: 1, peakBytes: 0 }
  const scanned = Number(node.attributes.num_scan_inputs ?? 0)
  const states = inputs.length - scanned
  const [first] = inputs.slice(states)
  const axes = node.attributes.scan_input_axes
  const trips = first?.dims[Array.isArray(axes) ? Number(axes[0]) : 0] ?? 1
  const cost = graphCost(body, around)
  const outputs = node.outputs.map((name, at): Value => {
    const { type = 'float32', dims = [] } = body.outputs[at] ?? {}
    const concrete = dims.map(Number)
    return { name, type, dims: at < states ? concrete : [trips, ...concrete] }
  })
  return {
    outputs,
    flops: trips * cost.flops,
    productFlops: trips * cost.productFlops,
    nodes: 1 + cost.nodes,
    peakBytes: cost.peakBytes,
  }
}

const bytesOf = (value: TensorType | undefined): number =>
  value === undefined || value.type === 'string' ? 0 : byteLengthOf(value.type, value.dims)

/** Follows what nodes' outputs take, from when each is computed until after its last use. */
class Memory {
  peak = 0
  innerPeak = 0
  private now = 0
  private nowOutputs = 0
  private readonly given: ReadonlySet<string>
  private readonly lastUse = new Map<string, number>()
  /** The value that a view is a view of. */
  private readonly roots = new Map<string, string>()
  private readonly sizes = new Map<string, number>()
  private readonly ending = new Map<number, string[]>()

  constructor({ nodes, outputs }: Graph) {
    for (const node of nodes) {
      const [from = ''] = node.inputs
      if (views.has(node.op)) this.roots.set(outputName(node, 0), this.root(from))
    }
    nodes.forEach((node, at) => {
      for (const name of [...node.outputs, ...namesRead(node)]) this.lastUse.set(this.root(name), at)
    })
    this.given = new Set(outputs.map(({ name }) => this.root(name)))
    for (const name of this.given) this.lastUse.set(name, nodes.length)
    // Added to in place: a Concat may end two hundred thousand values.
    for (const [name, at] of this.lastUse) {
      const others = this.ending.get(at)
      if (others) others.push(name)
      else this.ending.set(at, [name])
    }
  }

  run(node: Node, at: number, outputs: readonly Value[], inside: number): void {
    if (!views.has(node.op)) {
      for (const value of outputs) {
        const size = bytesOf(value)
        this.sizes.set(value.name, size)
        this.now += size
        if (this.given.has(value.name)) this.nowOutputs += size
      }
    }
    this.peak = Math.max(this.peak, this.now + inside)
    this.innerPeak = Math.max(this.innerPeak, this.now - this.nowOutputs + inside)
    for (const name of this.ending.get(at) ?? []) this.now -= this.sizes.get(name) ?? 0
  }

  private root(name: string): string {
    return this.roots.get(name) ?? name
  }
}
