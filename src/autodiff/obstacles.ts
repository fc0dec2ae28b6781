import { HoldfastError, ModelError } from '../errors.ts'
import { type Graph, type Node, outputName, type ValueInfo } from '../onnx/graph.ts'
import { filled, sumTo, type Value } from '../ops/core/index.ts'
import type { TensorType } from '../tensor/tensor.ts'
import { GraphBuilder } from './builder.ts'
import { Adjoints, dependents, gradientContext, ruleOf } from './gradients.ts'
import { standardOpset } from './opsets.ts'
import { replayGraph, Skipped } from './replay.ts'
import { WrittenGelu } from './written-gelu.ts'

/** What stands in the way of training: a node, and why. Both names are '' where it is the model as a whole. */
export interface Obstacle {
  /** The node's name; its first output's where it has none. */
  readonly node: string
  readonly op: string
  readonly domain: string
  readonly reason: string
}

export interface ObstacleOptions {
  /** What is to train: initialisers of the graph, or what it reads and does not hold. */
  readonly parameters: ReadonlyMap<string, TensorType>
  /** Sizes of symbolic dims, by their names. Others: 2 along the first axis, 224 for images' sides, else 8. */
  readonly sizes?: Readonly<Record<string, number>>
  /** Other values that the graph reads but does not hold, as running statistics. */
  readonly bound?: ReadonlyMap<string, TensorType>
  /** Values to compute; default the graph's outputs. */
  readonly outputs?: readonly string[]
}

/**
 * Lists what keeps a graph from being trained: ops that are not known, forms of them that are refused, and ops that a
 * gradient would have to pass but cannot. Nothing is thrown; the walk goes on behind each obstacle, except that what
 * depends on an output that could not be computed is only looked at for whether its op is known.
 *
 * @example
 * for (const { node, op, reason } of obstacles(graph, opsets, { parameters })) console.log(`${op} "${node}": ${reason}`)
 */
export function obstacles(
  graph: Graph,
  opsets: Readonly<Record<string, number>>,
  options: ObstacleOptions,
): Obstacle[] {
  const nodes = graph.nodes.map((node) => (node.name ? node : { ...node, name: outputName(node, 0) }))
  const list = new ObstacleList(nodes)
  const opset = list.attempt(undefined, () => standardOpset(opsets))
  if (opset === undefined) return list.found
  const builder = new GraphBuilder()
  const parameters = new Map(
    Array.from(options.parameters, ([name, type]) => [name, builder.input(name, type)]),
  )
  const values = new Map([
    ...graph.inputs.flatMap((info) => inputOf(builder, info, options.sizes ?? {})),
    ...Array.from(options.bound ?? [], ([name, type]): [string, Value] => [name, builder.input(name, type)]),
    ...parameters,
  ])
  const wanted = options.outputs ?? graph.outputs.map(({ name }) => name)
  /** What an obstacle hides: gradients are looked at from there on, too. */
  const edges = new Set(wanted)
  const outside = (name: string, reader: string): never => {
    throw new ModelError(
      'binding-missing',
      `"${name}", which ${reader} reads, is no initialiser and no input with dims, and no node computes it.`,
    )
  }
  const read = replayGraph(
    {
      builder,
      opset,
      batchNorm: 'fixed',
      dropout: { training: false },
      buffers: new Map(),
      inlined: 0,
      written: new WrittenGelu(),
      skip: (node, problem) => {
        for (const name of node.inputs) edges.add(name)
        list.add(node, problem)
      },
    },
    { ...graph, nodes },
    { values, outside },
    wanted,
  )
  const seeds = [...edges].flatMap((name) => values.get(name) ?? ifKnown(() => read(name, 'an obstacle')))
  walkBack(builder, seeds, [...parameters.values()], list)
  return list.found
}

/** The gradient's walk, which notes an op that it cannot pass and goes on before it. */
function walkBack(
  builder: GraphBuilder,
  seeds: readonly Value[],
  parameters: readonly Value[],
  list: ObstacleList,
): void {
  const adjoints = new Adjoints(builder)
  for (const seed of seeds) if (seed.type.startsWith('float')) adjoints.add(seed, filled(builder, 1, seed))
  const steps = builder.tape.slice()
  const needed = dependents(steps, parameters)
  for (const step of steps.reverse()) {
    const context = gradientContext(step, adjoints, needed, builder)
    if (!context) continue
    const node = { name: step.name, op: step.definition.op, domain: '' }
    const results = list.attempt(node, () => ruleOf(step)(context))
    step.inputs.forEach((input, index) => {
      if (!input || !context.needs[index]) return
      const result = results ? results[index] : filled(builder, 1, input)
      if (result) adjoints.add(input, sumTo(builder, result, input.dims))
    })
  }
}

class ObstacleList {
  readonly found: Obstacle[] = []
  private readonly byName: ReadonlyMap<string, Node>

  constructor(nodes: readonly Node[]) {
    this.byName = new Map(nodes.map((node) => [node.name, node]))
  }

  add(node: Pick<Node, 'name' | 'op' | 'domain'> | undefined, problem: Error): void {
    if (problem instanceof Skipped) return
    if (!(problem instanceof HoldfastError)) throw problem
    // What the gradient meets is a node that Holdfast emitted; the model's own has its name.
    const { name: where = '', op = '', domain = '' } = this.byName.get(node?.name ?? '') ?? node ?? {}
    const known = this.found.some((item) => item.node === where && item.reason === problem.message)
    if (!known) this.found.push({ node: where, op, domain, reason: problem.message })
  }

  attempt<T>(node: Pick<Node, 'name' | 'op' | 'domain'> | undefined, work: () => T): T | undefined {
    try {
      return work()
    } catch (problem) {
      if (!(problem instanceof Error)) throw problem
      this.add(node, problem)
      return undefined
    }
  }
}

function ifKnown(read: () => Value): Value[] {
  try {
    return [read()]
  } catch (problem) {
    if (problem instanceof Skipped || problem instanceof HoldfastError) return []
    throw problem
  }
}

function inputOf(
  builder: GraphBuilder,
  { name, type, dims }: ValueInfo,
  sizes: Readonly<Record<string, number>>,
): [string, Value][] {
  if (!dims) return []
  const usual = (axis: number): number => (axis === 0 ? 2 : dims.length === 4 && axis > 1 ? 224 : 8)
  const concrete = dims.map((dim, axis) =>
    typeof dim === 'number' ? dim : ((Object.hasOwn(sizes, dim) ? sizes[dim] : undefined) ?? usual(axis)),
  )
  return [[name, builder.input(name, { type, dims: concrete })]]
}
