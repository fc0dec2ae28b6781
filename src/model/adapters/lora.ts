import { UsageError } from '../../errors.ts'
import { graph as asGraph, float, type Graph, type Node } from '../../onnx/graph.ts'
import { required } from '../../required.ts'
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import { findHead } from '../heads/index.ts'
import { initialise } from '../layers/index.ts'
import type { Model } from '../model.ts'
import { type Layout, placesOf } from './lora-places.ts'
import { selectParameters, trainOnly } from './select.ts'

export interface LoraOptions {
  /** r, the inner dim of the update. Default 8. */
  readonly rank?: number | undefined
  /** The update counts alpha / rank. Default twice the rank. */
  readonly alpha?: number | undefined
  /** Patterns of the weights that get one; default every linear layer but the head. */
  readonly targets?: readonly string[] | undefined
  /** Whether the head trains in full beside the updates. Default true. */
  readonly head?: boolean | undefined
  /** Of A's first values. Default 0. */
  readonly seed?: number
}

/** One low-rank update. */
export interface Adapter {
  /** The weight that it is added to. */
  readonly weight: string
  readonly layout: Layout
  /** Names of A [rank, in, ...] and B [out, rank], as PEFT has them. */
  readonly a: string
  readonly b: string
  /** Path of the module in PyTorch, where names tell: 'encoder.layer.0.attention.self.query'. */
  readonly module: string | undefined
}

export interface LoraModel {
  /** Trains the adapters (and the head); every other weight is a constant of its graph. */
  readonly model: Model
  readonly adapters: readonly Adapter[]
  readonly rank: number
  readonly alpha: number
}

/**
 * A model whose weights W become W + (alpha / rank) B A, and of which only A and B train (Hu et al. 2021,
 * arXiv 2106.09685). A starts as a linear layer does, B at zero: the model starts as it was.
 *
 * @throws UsageError `lora-rank`, `lora-targets` when no linear layer or convolution fits, and `selection-empty`.
 * @example
 * const lora = withLora(model, { rank: 8, targets: ['*query*', '*value*'] })
 */
export function withLora(model: Model, options: LoraOptions = {}): LoraModel {
  const { rank = 8, alpha = 2 * rank, seed = 0 } = options
  if (!(Number.isInteger(rank) && rank >= 1)) {
    throw new UsageError('lora-rank', `The rank of LoRA must be a whole number from 1 on; ${rank} was given.`)
  }
  const head = findHead(model)
  const wanted = options.targets && selectParameters(model, { kind: 'names', patterns: options.targets })
  const places = [...placesOf(model)].filter(([name, { layout }]) =>
    wanted ? wanted.has(name) : layout !== 'conv' && name !== head?.weight,
  )
  if (places.length === 0) {
    throw new UsageError(
      'lora-targets',
      'No weight of a linear layer or convolution fits the targets of LoRA. See `holdfast inspect` for the names.',
    )
  }
  const adapters = places.map(
    ([weight, { layout, module }]): Adapter => ({
      weight,
      layout,
      module,
      a: `${weight}/lora_A`,
      b: `${weight}/lora_B`,
    }),
  )
  const own = new Map(adapters.flatMap((adapter) => startOf(model, adapter, rank, seed)))
  const kept = new Set(
    options.head === false ? [] : [head?.weight, head?.bias].filter((name) => name !== undefined),
  )
  const base = trainOnly(
    model,
    new Set([...kept].filter((name) => !adapters.some(({ weight }) => weight === name))),
  )
  return {
    model: {
      ...base,
      graph: withUpdates(base.graph, model, adapters, alpha / rank),
      parameters: new Map([...base.parameters, ...own]),
    },
    adapters,
    rank,
    alpha,
  }
}

function startOf(model: Model, adapter: Adapter, rank: number, seed: number): [string, Tensor<'float32'>][] {
  const { dims } = required(model.parameters, adapter.weight, 'parameter')
  const [first = 0, second = 0, ...kernel] = dims
  const [outputs, inputs] = adapter.layout === 'in-out' ? [second, first] : [first, second]
  const fanIn = sizeOf([inputs, ...kernel])
  const a = initialise(
    { name: adapter.a, dims: [rank, inputs, ...kernel], initialisation: 'bias-uniform', fanIn },
    seed,
  )
  return [
    [adapter.a, a],
    [adapter.b, float32([outputs, rank, ...kernel.map(() => 1)])],
  ]
}

/** The graph that reads W + scale B A wherever it read W. */
function withUpdates(graph: Graph, model: Model, adapters: readonly Adapter[], scale: number): Graph {
  const sums = new Map(adapters.map(({ weight }) => [weight, `${weight}/adapted`]))
  const initializers = new Map(graph.initializers)
  initializers.set('lora/scale', float32([], [scale]))
  const before = adapters.flatMap((adapter) => {
    const { dims } = required(model.parameters, adapter.weight, 'parameter')
    return updateNodes(adapter, dims, initializers)
  })
  const nodes = graph.nodes.map((node) => reading(node, sums))
  return { ...graph, initializers, nodes: [...before, ...nodes] }
}

/** The node with other names for some of the values that it reads, the bodies of loops and branches included. */
function reading(node: Node, names: ReadonlyMap<string, string>): Node {
  const attributes = Object.entries(node.attributes).map(([key, attribute]) => {
    if (typeof attribute !== 'object' || !('kind' in attribute) || attribute.kind !== 'graph') {
      return [key, attribute] as const
    }
    const { value } = attribute
    return [key, asGraph({ ...value, nodes: value.nodes.map((inner) => reading(inner, names)) })] as const
  })
  return {
    ...node,
    inputs: node.inputs.map((name) => names.get(name) ?? name),
    attributes: Object.fromEntries(attributes),
  }
}

function updateNodes(
  { weight, layout, a, b }: Adapter,
  dims: readonly number[],
  initializers: Map<string, Tensor>,
): Node[] {
  const at = (part: string): string => `${weight}/lora_${part}`
  const node = (op: string, inputs: readonly string[], output: string, attributes = {}): Node => ({
    op,
    domain: '',
    name: output,
    inputs,
    outputs: [output],
    attributes,
  })
  const add = [
    node('Mul', [at('product'), 'lora/scale'], at('update')),
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
