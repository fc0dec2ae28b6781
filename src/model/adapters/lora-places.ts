import { inputName, type Node, outputName } from '../../onnx/graph.ts'
import { required } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { DYNAMIC_LAYER, nodesThroughout } from '../import/index.ts'
import type { Model } from '../model.ts'

/** How a weight lies in the file: rows are outputs (as in PyTorch), columns are, or it is a convolution's kernel. */
export type Layout = 'out-in' | 'in-out' | 'conv'

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
  /** Whether the weight has few bits in the file, and stays as it is: then the update stays a layer of its own. */
  readonly packed?: true | undefined
}

export interface Place {
  readonly layout: Layout
  /** Of the weight: unpacked, where it has few bits. */
  readonly dims: readonly number[]
  readonly packed?: true | undefined
  /** Path of the module in PyTorch, where names tell. */
  readonly module: string | undefined
  /** The nodes that work with the weight, all in this layout. */
  readonly nodes: readonly Node[]
  /** Whether something else reads it, too: a table's rows of a tied embedding. */
  readonly readElsewhere: boolean
}

interface Found extends Omit<Place, 'readElsewhere' | 'packed'> {
  readonly nodes: Node[]
}

/** Whether it is a linear layer whose weight has few bits: MatMulNBits, or a product that rounds its input. */
export const isPacked = ({ op }: Node): boolean => op === 'MatMulNBits' || op === DYNAMIC_LAYER

/**
 * Linear layers whose weights have few bits, by the names of the packed weights: they are constants, as QLoRA has it
 * (Dettmers et al. 2023, arXiv 2305.14314). One that several nodes read is taken for several of the same update.
 */
export function packedPlaces({ graph }: Model): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>()
  for (const node of nodesThroughout(graph)) {
    const weight = inputName(node, 1)
    const packed = graph.initializers.get(weight)
    const lies = packed && isPacked(node) ? packedDims(node, packed) : undefined
    if (!lies) continue
    places.set(weight, {
      ...lies,
      module: moduleOf(weight, node),
      nodes: [...(places.get(weight)?.nodes ?? []), node],
      readElsewhere: false,
      packed: true,
    })
  }
  return places
}

function packedDims({ op, attributes }: Node, { dims }: Tensor): Pick<Place, 'layout' | 'dims'> | undefined {
  if (op === DYNAMIC_LAYER) return dims.length === 2 ? { layout: 'in-out', dims } : undefined
  const { N: outputs, K: inputs } = attributes
  return typeof outputs === 'number' && typeof inputs === 'number'
    ? { layout: 'out-in', dims: [outputs, inputs] }
    : undefined
}

/** Weights of linear layers and convolutions that one kind of node works with, and how each lies. */
export function placesOf(model: Model): ReadonlyMap<string, Place> {
  const places = new Map<string, Found>()
  const clashing = new Set<string>()
  const elsewhere = new Set<string>()
  const behind = new Map([...model.parameters.keys()].map((name) => [name, { name, turned: false }]))
  for (const node of nodesThroughout(model.graph)) {
    const [x = '', w = ''] = node.inputs
    const moved = behind.get(x)
    const turns = node.op === 'Transpose' && isSwap(node)
    const handsOn = moved !== undefined && (node.op === 'Identity' || turns)
    if (handsOn) behind.set(outputName(node, 0), turns ? { ...moved, turned: !moved.turned } : moved)
    const found = behind.get(w)
    const dims = found && required(model.parameters, found.name, 'parameter').dims
    const layout = found && dims && layoutAt(node, dims.length, found.turned)
    node.inputs.forEach((name, at) => {
      const read = behind.get(name)
      if (read && !(handsOn && at === 0) && !(layout && at === 1)) elsewhere.add(read.name)
    })
    if (!found || !dims || !layout) continue
    const known = places.get(found.name)
    if (known && known.layout !== layout) clashing.add(found.name)
    const nodes = [...(known?.nodes ?? []), node]
    places.set(found.name, { layout, dims, module: moduleOf(found.name, node), nodes })
  }
  for (const name of clashing) places.delete(name)
  const read = (name: string): boolean => elsewhere.has(name) || isOutput(model, name, behind)
  return new Map([...places].map(([name, place]) => [name, { ...place, readElsewhere: read(name) }]))
}

const isSwap = ({ attributes: { perm } }: Node): boolean => perm === undefined || String(perm) === '1,0'

/** Whether a graph hands the weight out, turned perhaps. */
const isOutput = (
  { graph }: Model,
  weight: string,
  behind: ReadonlyMap<string, { readonly name: string }>,
): boolean => graph.outputs.some(({ name }) => behind.get(name)?.name === weight)

function layoutAt(node: Node, rank: number, turned: boolean): Layout | undefined {
  if (node.op === 'Conv' && (node.attributes.group ?? 1) === 1 && !turned) return 'conv'
  if (rank !== 2 || (node.op !== 'MatMul' && node.op !== 'Gemm')) return undefined
  const rowsAreOutputs = (node.op === 'Gemm' && node.attributes.transB === 1) !== turned
  return rowsAreOutputs ? 'out-in' : 'in-out'
}

/** From 'encoder.query.weight', or from the scope that PyTorch's exporter writes: '/encoder/query/MatMul'. */
function moduleOf(weight: string, node: Node): string | undefined {
  if (weight.endsWith('.weight')) return weight.slice(0, -'.weight'.length)
  const parts = node.name.split('/')
  if (parts.length < 3 || parts[0] !== '') return undefined
  return parts.slice(1, -1).join('.')
}
