import { encodeGraph } from '../onnx/encode.ts'
import { graphFromModel } from '../onnx/from-proto.ts'
import { type Attributes, type Graph, type Node, outputName } from '../onnx/graph.ts'
import { decodeModel } from '../onnx/read.ts'
import { namesRead, subgraphsOf } from '../onnx/walk.ts'
import { float32, int64, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { withoutHashing } from './host-part.ts'
import { webgpuKernels } from './webgpu-kernels.ts'

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
    const dequantised = graph.nodes.some(
      ({ op, inputs }) => op === 'DequantizeLinear' && inputs.includes(name),
    )
    if ((type === 'uint8' || type === 'int8') && !dequantised) fed.set(name, 'float32')
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

/** Ops that give their first input out in its own type. */
const moving: ReadonlySet<string> = new Set([
  ...['Expand', 'Flatten', 'Gather', 'Identity', 'Reshape', 'Slice', 'Squeeze', 'Transpose', 'Unsqueeze'],
])
/** Which input of an op is an index, of either type. */
const indexed: ReadonlyMap<string, number> = new Map([
  ['Gather', 1],
  ['GatherElements', 1],
  ['ScatterElements', 1],
])

/** Ops whose second input is an index of int64 and nothing else. */
const wide: ReadonlySet<string> = new Set(['GatherND', 'ScatterND'])

/** Ops that compare two values of one type. */
const comparing: ReadonlySet<string> = new Set(['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'])

/** Nodes of a value of int64 that may be int32, which have to be changed for that. */
interface Readers {
  /** Those that want an index of int64. */
  readonly widened: readonly Node[]
  /** Those that read a constant of int64 beside it, and which of their inputs that is. */
  readonly narrowed: readonly (readonly [Node, number])[]
}

/** Undefined where the value, wherever it is moved to, is more than an index, cast, compared with constants, or chosen in the place of one. */
function readersOf(nodes: readonly Node[], name: string, constant: Constants): Readers | undefined {
  const found: Readers[] = []
  for (const node of nodes) {
    if (!namesRead(node).includes(name)) continue
    if (subgraphsOf(node).length > 0) return undefined
    const places = node.inputs.flatMap((input, at) => (input === name ? [at] : []))
    if (node.op === 'Cast' || places.every((at) => at === indexed.get(node.op))) continue
    const beside = besideConstant(node, places, constant)
    if (wide.has(node.op) && places.join() === '1') found.push({ widened: [node], narrowed: [] })
    else if (beside !== undefined) found.push({ widened: [], narrowed: [[node, beside]] })
    else if (!moving.has(node.op) || places.join() !== '0') return undefined
    if (moving.has(node.op) || node.op === 'Where') {
      const behind = readersOf(nodes, outputName(node, 0), constant)
      if (!behind) return undefined
      found.push(behind)
    }
  }
  return {
    widened: found.flatMap(({ widened }) => widened),
    narrowed: found.flatMap(({ narrowed }) => narrowed),
  }
}

/** Which input of a comparison or choice is a constant that int32 holds, the other being at the only one of these places. */
function besideConstant(
  { op, inputs }: Node,
  places: readonly number[],
  constant: Constants,
): number | undefined {
  const [place = 0] = places
  const other = comparing.has(op) ? 1 - place : op === 'Where' && place > 0 ? 3 - place : undefined
  const held = other === undefined || places.length > 1 ? undefined : constant(inputs[other] ?? '')
  const narrow = held?.type === 'int64' && toNumbers(held).every((value) => value === (value | 0))
  return narrow ? other : undefined
}

const asInt32 = (tensor: Tensor | undefined): Tensor => ({
  ...{ type: 'int32', dims: tensor?.dims ?? [] },
  data: Int32Array.from(tensor ? toNumbers(tensor) : []),
})

function lackingIn(graph: Graph): Map<string, number> {
  const counts = new Map<string, number>()
  const visit = ({ nodes, initializers }: Graph): void => {
    for (const node of nodes) {
      const what = withoutKernel(node, (name) => initializers.get(name))
      if (what) counts.set(what, (counts.get(what) ?? 0) + 1)
      for (const inner of subgraphsOf(node)) visit(inner)
    }
  }
  visit(graph)
  return counts
}

/** In a file's numbers. */
const FLOAT64 = 11

type Constants = (name: string) => Tensor | undefined

/** What the provider claims and fails at, or computes wrongly and says nothing: scripts/webgpu-cases.ts finds these. */
const failing: readonly {
  readonly what: string
  readonly ops: readonly string[]
  readonly when: (node: Node, constant: Constants) => boolean
}[] = [
  { what: 'MaxPool with indices', ops: ['MaxPool'], when: ({ outputs }) => Boolean(outputs[1]) },
  {
    what: 'InstanceNormalization with an epsilon other than 1e-5',
    ops: ['InstanceNormalization'],
    when: ({ attributes: { epsilon } }) =>
      typeof epsilon === 'object' &&
      'kind' in epsilon &&
      epsilon.kind === 'float' &&
      Math.abs(epsilon.value - 1e-5) > 1e-9,
  },
  {
    what: 'Slice by steps below -1',
    ops: ['Slice'],
    when: ({ inputs }, constant) => numbersOf(inputs[4], constant).some((step) => step < -1),
  },
  { what: 'Pad that wraps', ops: ['Pad'], when: ({ attributes }) => attributes.mode === 'wrap' },
  {
    what: 'Resize of channels-last images',
    ops: ['Resize'],
    when: ({ inputs, attributes }, constant) => {
      const [, rows, , channels] = numbersOf(inputs[2], constant)
      return attributes.mode === 'linear' && channels === 1 && rows !== 1
    },
  },
  {
    what: 'a reduction of no axis',
    ops: ['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceSumSquare'],
    when: ({ inputs, attributes }, constant) =>
      Number(attributes.noop_with_empty_axes ?? 0) === 1 && numbersOf(inputs[1], constant).length === 0,
  },
]

const numbersOf = (name: string | undefined, constant: Constants): readonly number[] => {
  const found = name ? constant(name) : undefined
  return found ? toNumbers(found) : []
}

/** Whether some of what is lacking cannot be left to another provider either, as this one takes it. */
export const claimedInVain = ({ lacking }: Pick<Adapted, 'lacking'>): boolean =>
  failing.some(({ what }) => lacking.has(what))

/** What the provider has no kernel for, or none that can be used. */
function withoutKernel(node: Node, constant: Constants): string | undefined {
  const { op, domain, attributes } = node
  if (domain !== '' || op === 'Constant') return undefined
  if (!webgpuKernels.has(op)) return op
  if (op === 'Cast' && attributes.to === FLOAT64) return 'Cast to float64'
  return failing.find(({ ops, when }) => ops.includes(op) && when(node, constant))?.what
}

/** What a node becomes: nodes that use names of their own beginning with `own`, and constants. */
interface Rewritten {
  readonly nodes: readonly Node[]
  readonly initializers: readonly (readonly [string, Tensor])[]
}

/** @returns undefined where the node may stay. */
type Rewrite = (node: Node, own: string, constant: Constants) => Rewritten | undefined

const plain = (op: string, inputs: readonly string[], output: string, attributes: Attributes = {}): Node => ({
  ...{ op, domain: '', name: `/${output}`, inputs, outputs: [output], attributes },
})

/** x less its greatest, less the logarithm of the sum of the exponentials of that. */
const logSoftmax: Rewrite = (node, own) => {
  const [x = ''] = node.inputs
  const { axis = -1 } = node.attributes
  const [axes, top, less, powers, sum, log] = ['axes', 'top', 'less', 'powers', 'sum', 'log'].map(
    (part) => `${own}/${part}`,
  ) as [string, string, string, string, string, string]
  return {
    nodes: [
      plain('ReduceMax', [x, axes], top, { keepdims: 1 }),
      plain('Sub', [x, top], less),
      plain('Exp', [less], powers),
      plain('ReduceSum', [powers, axes], sum, { keepdims: 1 }),
      plain('Log', [sum], log),
      plain('Sub', [less, log], outputName(node, 0)),
    ],
    initializers: [[axes, int64([1], [Number(axis)])]],
  }
}

/** Whether x is positive less whether it is negative, as numbers. */
const sign: Rewrite = (node, own) => {
  const [x = ''] = node.inputs
  const [zero, above, below, one, other] = ['zero', 'above', 'below', 'one', 'other'].map(
    (part) => `${own}/${part}`,
  ) as [string, string, string, string, string]
  return {
    nodes: [
      plain('Greater', [x, zero], above),
      plain('Less', [x, zero], below),
      plain('Cast', [above], one, { to: 1 }),
      plain('Cast', [below], other, { to: 1 }),
      plain('Sub', [one, other], outputName(node, 0)),
    ],
    initializers: [[zero, float32([1], [0])]],
  }
}

/** A shader binds a tensor each, and devices let it bind so many at the least (WebGPU, maxStorageBuffersPerShaderStage). */
const MOST_BOUND = 8

/** A `Split` into more parts than a shader could bind, as slices. Its sizes have to be known. */
const split: Rewrite = (node, own, constant) => {
  const [x = '', sizes = ''] = node.inputs
  const known = node.outputs.length < MOST_BOUND ? undefined : constant(sizes)
  if (!known) return undefined
  const bounds = [0]
  for (const size of toNumbers(known)) bounds.push((bounds.at(-1) ?? 0) + size)
  const { axis = 0 } = node.attributes
  return {
    nodes: node.outputs.map((output, at) =>
      plain('Slice', [x, `${own}/bound/${at}`, `${own}/bound/${at + 1}`, `${own}/axis`], output),
    ),
    initializers: [
      [`${own}/axis`, int64([1], [Number(axis)])],
      ...bounds.map((bound, at) => [`${own}/bound/${at}`, int64([1], [bound])] as const),
    ],
  }
}

const rewrites: ReadonlyMap<string, Rewrite> = new Map([
  ['LogSoftmax', logSoftmax],
  ['Sign', sign],
  ['Split', split],
])

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
