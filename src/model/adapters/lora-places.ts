import { type Node, outputName } from '../../onnx/graph.ts'
import { required } from '../../required.ts'
import { nodesThroughout } from '../import/index.ts'
import type { Model } from '../model.ts'

/** How a weight lies in the file: rows are outputs (as in PyTorch), columns are, or it is a convolution's kernel. */
export type Layout = 'out-in' | 'in-out' | 'conv'

interface Place {
  readonly layout: Layout
  readonly module: string | undefined
}

/** Weights of linear layers and convolutions that one kind of node works with, and how each lies. */
export function placesOf(model: Model): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>()
  const clashing = new Set<string>()
  const behind = new Map([...model.parameters.keys()].map((name) => [name, { name, turned: false }]))
  for (const node of nodesThroughout(model.graph)) {
    const [x = '', w = ''] = node.inputs
    const moved = behind.get(x)
    const { perm } = node.attributes
    if (moved && node.op === 'Identity') behind.set(outputName(node, 0), moved)
    if (moved && node.op === 'Transpose' && (perm === undefined || String(perm) === '1,0')) {
      behind.set(outputName(node, 0), { ...moved, turned: !moved.turned })
    }
    const found = behind.get(w)
    const layout =
      found && layoutAt(node, required(model.parameters, found.name, 'parameter').dims.length, found.turned)
    if (!found || !layout) continue
    const known = places.get(found.name)
    if (known && known.layout !== layout) clashing.add(found.name)
    places.set(found.name, { layout, module: moduleOf(found.name, node) })
  }
  for (const name of clashing) places.delete(name)
  return places
}

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
