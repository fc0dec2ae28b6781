import { graphFromModel } from '../../onnx/from-proto.ts'
import { type Graph, graph as graphAttribute, inputName, type Node } from '../../onnx/graph.ts'
import type { ModelProto } from '../../onnx/onnx_pb.ts'
import { nameOf } from '../../onnx/proto-names.ts'
import { namesRead } from '../../onnx/walk.ts'

/** What a product that rounds its input is as one node, in com.microsoft. */
export const DYNAMIC_LAYER = 'DynamicQuantizeMatMul'

/**
 * The graph with one node for each product that rounds its input: what onnxruntime's quantize_dynamic writes for x W,
 *
 *     x -> DynamicQuantizeLinear -> MatMulInteger with W in whole numbers -> Cast -> Mul by both scales
 *
 * (or with MatMulIntegerToFloat in place of the last three) is the DynamicQuantizeMatMul that it comes to. Its nodes stay where something
 * else reads them; products of two values that are computed stay as they are.
 *
 * @param isConstant Tells names of constants around the graph; its own are known.
 */
export function withDynamicLayers(graph: Graph, isConstant: (name: string) => boolean = () => false): Graph {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const isFixed = (name: string): boolean =>
    graph.initializers.has(name) || producers.get(name)?.op === 'Constant' || isConstant(name)
  const spent = new Set<Node>()
  const nodes = graph.nodes.map((node): Node => {
    const found = layerAt(node, (name) => producers.get(name), isFixed)
    for (const part of found?.parts ?? []) spent.add(part)
    return found?.layer ?? withinBranches(node, isFixed)
  })
  return spent.size === 0 && nodes.every((node, at) => node === graph.nodes[at])
    ? graph
    : { ...graph, nodes: withoutUnread(nodes, spent, graph) }
}

/** The graph of a file, each product that rounds its input as one node; tensors may lie in other files, and are not read. */
export function layersOfFile({ graph, ...file }: ModelProto): Graph {
  const constants = new Set(graph?.initializer.map(nameOf))
  const bare = graphFromModel({ ...file, ...(graph && { graph: { ...graph, initializer: [] } }) })
  return withDynamicLayers(bare.graph, (name) => constants.has(name))
}

interface Found {
  readonly layer: Node
  /** The nodes before that it stands for. */
  readonly parts: readonly Node[]
}

type Producer = (name: string) => Node | undefined

function layerAt(node: Node, producer: Producer, isFixed: (name: string) => boolean): Found | undefined {
  const found = node.op === 'MatMulIntegerToFloat' ? inOne(node, producer) : inParts(node, producer)
  const constants = found?.layer.inputs.slice(1, 4) ?? []
  return constants.every((name) => name === '' || isFixed(name)) ? found : undefined
}

/** (x, W, W's scale, W's zero point, bias), as the op has them. */
const layer = ({ name, outputs }: Pick<Node, 'name' | 'outputs'>, inputs: readonly string[]): Node => ({
  ...{ op: DYNAMIC_LAYER, domain: 'com.microsoft', name, outputs, attributes: {} },
  inputs: inputs.slice(0, inputs.findLastIndex((each) => each !== '') + 1),
})

function inOne(node: Node, producer: Producer): Found | undefined {
  const [whole = '', weight = '', step = '', scale = '', zero = '', zeroPoint = '', bias = ''] = node.inputs
  const rounds = producer(whole)
  if (!rounds || !isRounding(rounds, [whole, step, zero])) return undefined
  return { layer: layer(node, [inputName(rounds, 0), weight, scale, zeroPoint, bias]), parts: [rounds] }
}

function inParts(node: Node, producer: Producer): Found | undefined {
  if (node.op !== 'Mul') return undefined
  for (const [sum, factor] of eitherWay(node)) {
    const cast = producer(sum)
    const product = cast?.op === 'Cast' ? producer(inputName(cast, 0)) : undefined
    const scales = producer(factor)
    if (!cast || product?.op !== 'MatMulInteger' || scales?.op !== 'Mul') continue
    const [whole = '', weight = '', zero = '', zeroPoint = ''] = product.inputs
    const rounds = producer(whole)
    for (const [step, scale] of eitherWay(scales)) {
      if (!rounds || !isRounding(rounds, [whole, step, zero])) continue
      const named = { name: product.name, outputs: node.outputs }
      return {
        layer: layer(named, [inputName(rounds, 0), weight, scale, zeroPoint]),
        parts: [rounds, product, cast, scales],
      }
    }
  }
  return undefined
}

const eitherWay = (node: Node): readonly (readonly [string, string])[] => {
  const [a, b] = [inputName(node, 0), inputName(node, 1)]
  return [
    [a, b],
    [b, a],
  ]
}

const isRounding = ({ op, outputs }: Node, names: readonly string[]): boolean =>
  op === 'DynamicQuantizeLinear' && names.every((name, at) => outputs[at] === name)

function withinBranches(node: Node, isFixed: (name: string) => boolean): Node {
  let changed = false
  const attributes = Object.entries(node.attributes).map(([key, attribute]) => {
    if (typeof attribute !== 'object' || !('kind' in attribute) || attribute.kind !== 'graph')
      return [key, attribute] as const
    const value = withDynamicLayers(attribute.value, isFixed)
    changed ||= value !== attribute.value
    return [key, graphAttribute(value)] as const
  })
  return changed ? { ...node, attributes: Object.fromEntries(attributes) } : node
}

/** Without those of `spent` that nothing reads any more. */
function withoutUnread(nodes: readonly Node[], spent: ReadonlySet<Node>, { outputs }: Graph): Node[] {
  const read = new Set(outputs.map(({ name }) => name))
  return [...nodes]
    .reverse()
    .filter((node) => {
      if (spent.has(node) && !node.outputs.some((name) => read.has(name))) return false
      for (const name of namesRead(node)) read.add(name)
      return true
    })
    .reverse()
}
