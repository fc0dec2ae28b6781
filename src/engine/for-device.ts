import { encodeGraph } from '../onnx/encode.ts'
import { graphFromModel } from '../onnx/from-proto.ts'
import type { Graph, Node } from '../onnx/graph.ts'
import { decodeModel } from '../onnx/read.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { plain, rewrites } from './device-rewrites.ts'
import { type Constants, lackingIn } from './failing-kernels.ts'
import { withoutHashing } from './host-part.ts'
import { asInt32, readersOf } from './narrowed-inputs.ts'

/** A model as a device takes it. */
export interface Adapted {
  readonly bytes: Uint8Array
  /** Inputs that are fed in another type than the model had them in. */
  readonly fed: ReadonlyMap<string, 'float32' | 'int32'>
  /** Ops that the device has no kernel for, and how many nodes each. Those that it has none of for their types are not among them. */
  readonly lacking: ReadonlyMap<string, number>
  /** What the host computes before each run, of inputs that the device may not take itself. */
  readonly host?: Uint8Array
}

/** A model that is taken as it is. */
export const asIs = (bytes: Uint8Array): Adapted => ({ bytes, fed: new Map(), lacking: new Map() })

/**
 * The same model of ops and types that the device has kernels for, as far as others do the same: `LogSoftmax` and `Sign` are written out,
 * inputs of bytes are fed as float32, and of int64 as int32 where they are only moved and used as indices. What random bits are hashed from
 * is left to the host.
 *
 * @example
 * const { bytes, fed } = forDevice(model)
 */
export function forDevice(bytes: Uint8Array): Adapted {
  const { graph: all, opsets } = graphFromModel(decodeModel(bytes))
  const parted = withoutHashing(all)
  const graph = parted?.device ?? all
  const host = parted && { host: encodeGraph(parted.host, { opsets }) }
  const fed = new Map<string, 'float32' | 'int32'>()
  const widened = new Set<Node>()
  const narrowed = new Map<Node, number>()
  const constant: Constants = (name) => graph.initializers.get(name)
  for (const { name, type } of graph.inputs) {
    const isByte = type === 'uint8' || type === 'int8'
    if (isByte && !graph.nodes.some((node) => dequantises(node, name))) fed.set(name, 'float32')
    const readers = type === 'int64' && readersOf(graph.nodes, name, constant)
    if (!readers) continue
    fed.set(name, 'int32')
    for (const node of readers.widened) widened.add(node)
    for (const [node, place] of readers.narrowed) narrowed.set(node, place)
  }
  const nodesStay = !graph.nodes.some(({ op, domain }) => domain === '' && rewrites.has(op))
  if (fed.size === 0 && nodesStay && !parted) return { bytes, fed, lacking: lackingIn(graph) }
  const inputs = graph.inputs.map((input) => ({ ...input, type: fed.get(input.name) ?? input.type }))
  const taken = { ...rewritten(graph, widened, narrowed), inputs }
  return { bytes: encodeGraph(taken, { opsets }), fed, lacking: lackingIn(taken), ...host }
}

/** It takes whole numbers alone. */
const dequantises = ({ op, inputs }: Node, name: string): boolean =>
  op === 'DequantizeLinear' && inputs.includes(name)

/** What is fed, in the types that the device takes. */
export function asFed(
  feeds: ReadonlyMap<string, Tensor>,
  { fed }: Pick<Adapted, 'fed'>,
): ReadonlyMap<string, Tensor> {
  if (fed.size === 0) return feeds
  return new Map(
    [...feeds].map(([name, tensor]) => {
      const type = fed.get(name)
      if (type === undefined || tensor.type === 'string') return [name, tensor]
      const { dims } = tensor
      const values = toNumbers(tensor)
      return [
        name,
        type === 'float32' ? float32(dims, values) : { type, dims, data: Int32Array.from(values) },
      ]
    }),
  )
}

function rewritten(graph: Graph, widened: ReadonlySet<Node>, narrowed: ReadonlyMap<Node, number>): Graph {
  const initializers = new Map(graph.initializers)
  const nodes = graph.nodes.flatMap((node, at) => {
    if (widened.has(node)) {
      const [first = '', index = '', ...rest] = node.inputs
      const whole = `device/${at}/index`
      return [plain('Cast', [index], whole, { to: 7 }), { ...node, inputs: [first, whole, ...rest] }]
    }
    const place = narrowed.get(node)
    if (place !== undefined) {
      const name = `device/${at}/constant`
      initializers.set(name, asInt32(graph.initializers.get(node.inputs[place] ?? '')))
      return [{ ...node, inputs: node.inputs.map((input, of) => (of === place ? name : input)) }]
    }
    const rewrite = node.domain === '' ? rewrites.get(node.op) : undefined
    const made = rewrite?.(node, `device/${at}`, (name) => graph.initializers.get(name))
    if (!made) return [node]
    for (const [name, tensor] of made.initializers) initializers.set(name, tensor)
    return made.nodes
  })
  return { ...graph, nodes, initializers }
}
