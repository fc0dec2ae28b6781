import { GraphBuilder } from '../autodiff/builder.ts'
import { asStored } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { applyModel, weightInputs } from '../model/apply.ts'
import type { Model } from '../model/model.ts'
import { type Graph, outputName, plainNode } from '../onnx/graph.ts'
import { itemAt, required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'

/** What a layer hands on behind its activation. */
export interface HiddenUnits {
  /** The value's name in the graph. */
  readonly value: string
  /** How many units, or channels, it has. */
  readonly units: number
  /** Dims of one factor a unit. */
  readonly factors: readonly number[]
}

const activations: ReadonlySet<string> = new Set([
  ...['Relu', 'LeakyRelu', 'PRelu', 'Elu', 'Celu', 'Selu'],
  ...['Gelu', 'Tanh', 'Sigmoid', 'Softplus', 'Mish', 'HardSwish'],
])

/**
 * The values behind activations: units of vectors, of tokens [N, T, units], channels of maps [N, channels, …].
 *
 * @throws UsageError `hidden-units` for a model whose input has a dim without a number, or that has no activation.
 */
export function hiddenUnits(model: Model): readonly HiddenUnits[] {
  const names = model.graph.nodes.filter(({ op }) => activations.has(op)).map((node) => outputName(node, 0))
  const { dims = [], type } = model.input
  const row = dims.slice(1).filter((dim) => typeof dim === 'number')
  if (names.length === 0 || row.length + 1 !== dims.length) {
    throw new UsageError(
      'hidden-units',
      names.length === 0
        ? 'The model has no activation whose units could be gated. Take another method.'
        : `How many hidden units there are cannot be told of a model whose input has dims without a number, [${dims.join(', ')}]. Take another method.`,
    )
  }
  const builder = new GraphBuilder()
  const stored = builder.input('rows', { type, dims: [2, ...row] })
  const applied = applyModel(
    builder,
    model,
    { stored, preprocessing: asStored },
    { ...weightInputs(builder, model), values: names },
  )
  return names.map((value) => {
    const { dims: own } = required(applied.values, value, 'value')
    const axis = own.length === 3 ? 2 : 1
    const units = itemAt(own, axis, 'dim')
    return { value, units, factors: own.map((_, at) => (at === axis ? units : 1)) }
  })
}

/** The graph with each of some values multiplied by a constant before anything reads it. */
export function withFactors(graph: Graph, factors: ReadonlyMap<string, Tensor<'float32'>>): Graph {
  const after = (name: string): string => (factors.has(name) ? `${name}/gated` : name)
  return {
    ...graph,
    initializers: new Map([
      ...graph.initializers,
      ...[...factors].map(([value, tensor]) => [`${value}/gates`, tensor] as const),
    ]),
    nodes: graph.nodes.flatMap((node) => {
      const own = { ...node, inputs: node.inputs.map(after) }
      const gated = node.outputs.filter((name) => factors.has(name))
      return [own, ...gated.map((name) => plainNode('Mul', [name, `${name}/gates`], after(name)))]
    }),
  }
}

/** 1 for some units and 0 for others, in the dims of a factor. */
export function unitFactors({ units, factors }: HiddenUnits, chosen: Iterable<number>): Tensor<'float32'> {
  const gates = float32(factors, new Float32Array(units))
  for (const unit of chosen) gates.data[unit] = 1
  return gates
}
