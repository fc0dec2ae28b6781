import { type Graph, inputName, type Node, outputName } from '../../onnx/graph.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { liveValues, nodesThroughout } from './walk.ts'

/** Ops that hand on a weight as it is, or moved. */
const moving: ReadonlySet<string> = new Set([
  'Cast',
  'Identity',
  'Reshape',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
])

/** Where ops hold weights that nothing but a weight is given at. */
const places: ReadonlyMap<string, readonly number[]> = new Map([
  ['BatchNormalization', [1, 2]],
  ['GroupNormalization', [1, 2]],
  ['GRU', [1, 2, 3]],
  ['InstanceNormalization', [1, 2]],
  ['LayerNormalization', [1, 2]],
  ['LSTM', [1, 2, 3]],
  ['PRelu', [1]],
  ['RMSNormalization', [1]],
  ['RNN', [1, 2, 3]],
])

const kernels: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'DeformConv'])
const products: ReadonlySet<string> = new Set(['Einsum', 'Gemm', 'MatMul'])

/**
 * The outputs of Constant nodes that hold weights. PyTorch keeps any tensor in a Constant node that a model made while it
 * was traced (grids, anchors, frequencies, masks), and the weights of a frozen module. What tells these is where they go:
 * to kernels, tables, gates and norms; to the second operand of a product with what depends on the inputs; as a vector
 * added to such a product; and as a vector that scales, where something is added after.
 *
 * A first operand of MatMul is none: bases of affine grids and frequencies of rotary embeddings stand there. Nor is a
 * tensor of few values or even steps.
 */
export function constantWeights(graph: Graph): ReadonlySet<string> {
  const uses = usesIn(graph)
  const found = new Set<string>()
  for (const [name, tensor] of uses.tensors) {
    if (tensor.type !== 'float32' || !uses.held.has(name)) continue
    if (ends(name, uses).some((end) => isWeightAt(end, tensor, uses))) found.add(name)
  }
  return found
}

interface Uses {
  /** Tensors of Constant nodes and initialisers. */
  readonly tensors: ReadonlyMap<string, Tensor>
  /** Outputs of Constant nodes. */
  readonly held: ReadonlySet<string>
  readonly producer: ReadonlyMap<string, Node>
  readonly readers: ReadonlyMap<string, readonly End[]>
  /** What depends on an input of the graph. */
  readonly live: ReadonlySet<string>
}

/** A place that a value ends at. */
interface End {
  readonly node: Node
  readonly place: number
}

function usesIn(graph: Graph): Uses {
  const tensors = new Map(graph.initializers)
  const held = new Set<string>()
  const producer = new Map<string, Node>()
  const readers = new Map<string, End[]>()
  for (const node of nodesThroughout(graph)) {
    const { op, outputs } = node
    for (const name of outputs) producer.set(name, node)
    for (const [place, name] of node.inputs.entries()) {
      const others = readers.get(name)
      if (others) others.push({ node, place })
      else readers.set(name, [{ node, place }])
    }
    const { value } = node.attributes
    if (op !== 'Constant' || typeof value !== 'object' || !('kind' in value) || value.kind !== 'tensor')
      continue
    for (const name of outputs) {
      held.add(name)
      tensors.set(name, value.value)
    }
  }
  return { tensors, held, producer, readers, live: liveValues(graph) }
}

/** Where a value ends once it has been moved. */
function ends(name: string, uses: Uses): readonly End[] {
  const found: End[] = []
  const names = [name]
  // A loop, since a value may be moved more often than calls can be nested.
  for (let at = 0; at < names.length; at++) {
    for (const end of uses.readers.get(names[at] ?? '') ?? []) {
      if (moving.has(end.node.op) && end.place === 0) names.push(outputName(end.node, 0))
      else found.push(end)
    }
  }
  return found
}

function isWeightAt({ node, place }: End, tensor: Tensor, uses: Uses): boolean {
  const { op, domain } = node
  const { dims } = tensor
  if (domain !== '') return true
  if (places.get(op)?.includes(place)) return true
  if (op === 'Gather') return place === 0 && dims.length === 2
  if (isPattern(tensor)) return false
  if (kernels.has(op)) return place > 0
  if (products.has(op)) {
    if (op === 'Gemm' && place === 2) return true
    return (
      place > 0 && dims.length >= 2 && node.inputs.some((name, at) => at !== place && uses.live.has(name))
    )
  }
  const other = inputName(node, 1 - place)
  if (!isVector(dims) || !uses.live.has(other)) return false
  if (op === 'Add') return isWeighted(behind(other, uses), uses)
  return op === 'Mul' && (isNormalised(behind(other, uses), uses) || isAddedTo(node, uses))
}

/** What computes a value, before it was moved. */
function behind(name: string, uses: Uses): Node | undefined {
  let node = uses.producer.get(name)
  while (node && moving.has(node.op)) node = uses.producer.get(inputName(node, 0))
  return node
}

/** Whether a node multiplies with a weight: a bias may be added to its output. */
function isWeighted(node: Node | undefined, uses: Uses): boolean {
  if (!node) return false
  if (kernels.has(node.op) || node.op === 'Gemm') return true
  if (node.op === 'MatMul' || node.op === 'Einsum') return isHeld(inputName(node, 1), uses)
  return node.op === 'Mul' && node.inputs.some((name) => isHeld(name, uses))
}

function isHeld(name: string, uses: Uses): boolean {
  for (let from = name; ; ) {
    const tensor = uses.tensors.get(from)
    if (tensor) return tensor.dims.length > 0
    const node = uses.producer.get(from)
    if (node === undefined || !moving.has(node.op)) return false
    from = inputName(node, 0)
  }
}

/** Whether a node divides by a root, as the norms do that are written out. */
function isNormalised(node: Node | undefined, uses: Uses): boolean {
  if (node?.op !== 'Div' && node?.op !== 'Mul') return false
  const divisor = behind(inputName(node, 1), uses)
  return divisor?.op === (node.op === 'Div' ? 'Sqrt' : 'Reciprocal')
}

function isAddedTo({ outputs }: Node, uses: Uses): boolean {
  const after = ends(outputs[0] ?? '', uses)
  return after.length > 0 && after.every(({ node }) => node.op === 'Add')
}

/** [C], [C, 1, 1] and the like; a grid's row [1, W] or column [H, 1] is none. */
const isVector = (dims: readonly number[]): boolean =>
  dims.length !== 2 && dims.filter((dim) => dim !== 1).length === 1

/** More values than this are no grid's. */
const MANY = 1024

/** Whether a tensor consists of even steps, or of values that repeat, as grids, strides and fixed filters do. */
function isPattern({ data }: Tensor): boolean {
  const numbers = data as Float32Array
  return hasEvenSteps(numbers) || repeats(numbers)
}

function hasEvenSteps(numbers: Float32Array): boolean {
  const [first = 0, second = 0] = numbers
  const last = numbers.at(-1) ?? 0
  const slack = 1e-5 * Math.max(Math.abs(first), Math.abs(last))
  return (
    numbers.length > 2 &&
    numbers.every((value, at) => Math.abs(value - first - at * (second - first)) <= slack * (at + 1))
  )
}

function repeats(numbers: Float32Array): boolean {
  const distinct = new Set<number>()
  let count = 0
  for (const value of numbers) {
    if (value === 0) continue
    count += 1
    distinct.add(value)
    if (distinct.size > MANY) return false
  }
  return distinct.size <= count / 2
}
