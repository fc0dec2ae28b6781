import {
  type Attribute,
  type Attributes,
  type Graph,
  inputName,
  type Node,
  type ValueInfo,
} from '../../onnx/graph.ts'
import { TensorCode } from '../../onnx/index.ts'
import { type FloatType, floatsOf, isFloatType } from '../../tensor/convert.ts'
import type { DType, Tensor } from '../../tensor/tensor.ts'
import { checkGraph } from './check-graph.ts'
import { constantWeights } from './constant-weights.ts'
import { withDynamicLayers } from './dynamic-layers.ts'
import { inOrder } from './order.ts'
import { dequantised, quantisedWeight } from './quantised.ts'

/** Which initialisers that an exporter let share one tensor become tensors of their own. */
export type Untie = 'filled' | 'all' | 'none'

/**
 * An exported graph as training wants it: in float32, and with every weight an initialiser of its own, wherever the
 * exporter put it.
 *
 * - 16-bit floats become float32 throughout, casts included.
 * - A tensor that a Constant node holds becomes an initialiser under the name of the node's output where it is a weight
 *   ({@link constantWeights}); so do integers that a DequantizeLinear node turns into weights.
 * - PyTorch's exporter keeps one of several equal tensors and leaves an Identity with each other's name. Tensors filled
 *   with one value (biases of zeros, norms of ones) are equal by chance: each becomes its own again. Others that are equal
 *   to the last bit are taken for tied (an embedding and its decoder); those that lie in the file twice are found by
 *   `copiesAmong`.
 * - A product that rounds what it multiplies is one node ({@link withDynamicLayers}).
 *
 * @throws ModelError `graph-cycle`; what {@link checkGraph} throws.
 */
export function importedGraph(given: Graph, options: { readonly untie?: Untie | undefined } = {}): Graph {
  checkGraph(given)
  const graph = inFloat32(inOrder(given))
  const initializers = new Map(graph.initializers)
  const held = constantWeights(graph)
  // What a scale of 16 bits makes of whole numbers is rounded to 16 bits, too: such a node is read as the file has it.
  const constant = (name: string, op: string): Tensor | undefined =>
    (op === 'DequantizeLinear' ? given.initializers.get(name) : undefined) ?? initializers.get(name)
  const nodes = graph.nodes.filter((node) => {
    const [output = ''] = node.outputs
    const isConstant = node.domain === '' && node.op === 'Constant'
    const weight =
      isConstant === held.has(output) ? weightOf(node, constant, options.untie ?? 'filled') : undefined
    if (weight) initializers.set(output, weight)
    return !weight
  })
  return withDynamicLayers({ ...graph, nodes, initializers })
}

function weightOf(
  node: Node,
  constant: (name: string, op: string) => Tensor | undefined,
  untie: Untie,
): Tensor | undefined {
  if (node.domain !== '') return undefined
  if (node.op === 'Constant') {
    const { value } = node.attributes
    const held =
      typeof value === 'object' && 'kind' in value && value.kind === 'tensor' ? value.value : undefined
    // PyTorch writes GroupNorm by way of InstanceNormalization with constant ones and zeros, which are no weights.
    return held?.type === 'float32' && !isFilled(held.data as Float32Array) ? held : undefined
  }
  if (node.op === 'DequantizeLinear') {
    const found = quantisedWeight(node, (name) => constant(name, node.op))
    return found && dequantised(found)
  }
  if (node.op !== 'Identity' || untie === 'none') return undefined
  const shared = constant(inputName(node, 0), node.op)
  if (shared?.type !== 'float32' || shared.data.length < 2) return undefined
  return untie === 'all' || isFilled(shared.data as Float32Array) ? shared : undefined
}

/** Whether all elements are equal, as biases of zeros and norms of ones are. */
export const isFilled = (data: Float32Array): boolean => data.every((value) => value === data[0])

/** Whether the file computes in 16 bits somewhere; such a graph is trained in float32. */
function inFloat32(graph: Graph): Graph {
  return {
    ...graph,
    inputs: graph.inputs.map(infoInFloat32),
    outputs: graph.outputs.map(infoInFloat32),
    initializers: new Map(
      Array.from(graph.initializers, ([name, tensor]) => [name, tensorInFloat32(tensor)]),
    ),
    nodes: graph.nodes.map((node) => {
      const attributes = attributesInFloat32(node.op, node.attributes)
      return attributes === node.attributes ? node : { ...node, attributes }
    }),
  }
}

const isHalf = (type: DType): boolean => type === 'float16' || type === 'bfloat16'

const infoInFloat32 = (info: ValueInfo): ValueInfo =>
  isHalf(info.type) ? { ...info, type: 'float32' } : info

const tensorInFloat32 = (tensor: Tensor): Tensor =>
  isHalf(tensor.type) && isFloatType(tensor.type) ? floatsOf(tensor as Tensor<FloatType>) : tensor

/** Attributes that name an element type, by op. */
const typeAttributes: ReadonlyMap<string, string> = new Map([
  ['Cast', 'to'],
  ['EyeLike', 'dtype'],
  ['RandomNormal', 'dtype'],
  ['RandomNormalLike', 'dtype'],
  ['RandomUniform', 'dtype'],
  ['RandomUniformLike', 'dtype'],
  ['Bernoulli', 'dtype'],
])

function attributesInFloat32(op: string, attributes: Attributes): Attributes {
  let changed = false
  const entries = Object.entries(attributes).map(([key, attribute]): [string, Attribute] => {
    const next = attributeInFloat32(key === typeAttributes.get(op), attribute)
    changed ||= next !== attribute
    return [key, next]
  })
  return changed ? Object.fromEntries(entries) : attributes
}

function attributeInFloat32(namesType: boolean, attribute: Attribute): Attribute {
  if (namesType && (attribute === TensorCode.float16 || attribute === TensorCode.bfloat16)) {
    return TensorCode.float32
  }
  if (typeof attribute !== 'object' || !('kind' in attribute)) return attribute
  if (attribute.kind === 'tensor' && isHalf(attribute.value.type)) {
    return { ...attribute, value: tensorInFloat32(attribute.value) }
  }
  return attribute.kind === 'graph' ? { ...attribute, value: inFloat32(attribute.value) } : attribute
}
