import { type Graph, outputName } from '../../onnx/graph.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { EXPANSION } from '../heads/index.ts'
import { liveValues, nodesThroughout } from './walk.ts'

export interface SortedInitializers {
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly buffers: ReadonlyMap<string, Tensor>
  readonly constants: ReadonlyMap<string, Tensor>
}

/** Inputs that set how an op works and are no weights, by op: those at these places, or from this place on. */
const settings: ReadonlyMap<string, number | readonly number[]> = new Map<string, number | readonly number[]>(
  [
    ['Clip', 1],
    ['DequantizeLinear', 0],
    ['Dropout', 1],
    // All but what is multiplied, and the bias.
    ['DynamicQuantizeMatMul', [1, 2, 3]],
    ['Expand', 1],
    // States that a sequence starts from; 3 is the bias, 7 the peepholes.
    ['GRU', [4, 5]],
    // Masks, past keys and values, and the tables of rotary embeddings.
    ['GroupQueryAttention', 3],
    ['LSTM', [4, 5, 6]],
    ['MatMulNBits', 1],
    ['MultiHeadAttention', 4],
    ['OneHot', 1],
    ['Pad', 1],
    ['Pow', 1],
    ['QuantizeLinear', 1],
    ['Range', 0],
    ['Resize', 1],
    ['RNN', [4, 5]],
    ['RotaryEmbedding', 1],
    ['Upsample', 1],
  ],
)

/** Ops whose first input is used as their output is. */
const passing: ReadonlySet<string> = new Set([
  'Cast',
  'Concat',
  'Expand',
  'Flatten',
  'Identity',
  'Reshape',
  'Slice',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
])

/**
 * Tells the initialisers of an exported model apart: what training changes, running statistics, and the rest.
 *
 * @param storable Names that new values can be written under; others are no parameters.
 */
export function sortInitializers(graph: Graph, storable: ReadonlySet<string>): SortedInitializers {
  const roles = rolesOf(graph)
  const parameters = new Map<string, Tensor>()
  const buffers = new Map<string, Tensor>()
  const constants = new Map<string, Tensor>()
  for (const [name, tensor] of graph.initializers) {
    const role = roles.get(name)
    // Random features are drawn once, and what was summed of them holds only while they stay.
    if (name === EXPANSION) constants.set(name, tensor)
    else if (role === 'statistic') buffers.set(name, tensor)
    else if (role === 'operand' && storable.has(name) && isWeight(tensor)) parameters.set(name, tensor)
    else constants.set(name, tensor)
  }
  return { parameters, buffers, constants }
}

type Role = 'operand' | 'statistic' | 'setting'

/** What each value is used as; being an operand anywhere counts, and being moved changes nothing. */
function rolesOf(graph: Graph): Map<string, Role> {
  const roles = new Map<string, Role>()
  const live = liveValues(graph)
  const raw = rawInputs(graph, live)
  const angles = anglesIn(graph)
  for (const node of [...nodesThroughout(graph)].reverse()) {
    const scales = scaling.has(node.op) && node.inputs.some((name) => raw.has(name))
    const makesAngles = node.outputs.some((name) => angles.has(name))
    // Spectral norms keep the vectors of their power iteration, and multiply the weights alone with them.
    const iterates = node.op === 'MatMul' && !node.inputs.some((name) => live.has(name))
    for (const [place, name] of node.inputs.entries()) {
      const tensor = graph.initializers.get(name)
      const setsUp =
        makesAngles ||
        (scales && !(node.op === 'Add' && isTable(tensor))) ||
        (iterates && tensor?.dims.length === 1)
      const moved = passing.has(node.op) && (place === 0 || node.op === 'Concat')
      const role = moved ? roles.get(outputName(node, 0)) : setsUp ? 'setting' : roleAt(node.op, place)
      const known = roles.get(name)
      if (role === undefined || known === 'operand') continue
      if (known === undefined || role === 'operand') roles.set(name, role)
    }
  }
  return roles
}

/** What is added to an input and has more than one dim to it is a learned embedding of positions. */
const isTable = (tensor: Tensor | undefined): boolean =>
  tensor !== undefined && tensor.dims.filter((dim) => dim > 1).length > 1

const scaling: ReadonlySet<string> = new Set(['Add', 'Div', 'Mul', 'Sub'])

/**
 * The float inputs before any weight has touched them: what is taken from or multiplied with them normalises. A sum with
 * something else that depends on the inputs (a residual) is raw no more.
 */
function rawInputs({ inputs, nodes }: Graph, live: ReadonlySet<string>): ReadonlySet<string> {
  const raw = new Set(inputs.filter(({ type }) => type.startsWith('float')).map(({ name }) => name))
  for (const { op, inputs: read, outputs } of nodes) {
    const operands = passing.has(op) && op !== 'Concat' ? read.slice(0, 1) : read
    const isRaw =
      (passing.has(op) || scaling.has(op)) &&
      operands.some((name) => raw.has(name)) &&
      operands.every((name) => raw.has(name) || !live.has(name))
    if (isRaw) for (const name of outputs) raw.add(name)
  }
  return raw
}

/**
 * What both the sine and the cosine are taken of, and the values that it was made of by moving alone: the angles of rotary
 * and sinusoidal embeddings. What positions are multiplied with to make them are frequencies, and no weights.
 */
function anglesIn(graph: Graph): ReadonlySet<string> {
  const nodes = nodesThroughout(graph)
  const readBy = (wanted: string) =>
    new Set(nodes.flatMap(({ op, inputs }) => (op === wanted ? inputs.slice(0, 1) : [])))
  const sines = readBy('Sin')
  const angles = new Set([...readBy('Cos')].filter((name) => sines.has(name)))
  for (const { op, inputs, outputs } of [...nodes].reverse()) {
    if (!passing.has(op) || !outputs.some((name) => angles.has(name))) continue
    for (const name of inputs) angles.add(name)
  }
  return angles
}

function roleAt(op: string, place: number): Role {
  if (op === 'BatchNormalization' && place >= 3) return 'statistic'
  const from = settings.get(op) ?? Number.POSITIVE_INFINITY
  const isSetting = typeof from === 'number' ? place >= from : from.includes(place)
  return isSetting ? 'setting' : 'operand'
}

/** Anything this low is there to be nothing after a softmax. */
const MASKED = -1e9

/** Scalars (a temperature, a root of two) and attention masks are no weights. */
function isWeight({ type, dims, data }: Tensor): boolean {
  if (type !== 'float32' || dims.length === 0 || data.length === 0) return false
  // A plain loop takes a sixth of the time that a callback does. A NaN passes: a damaged weight is to be found as one.
  const values = data as Float32Array
  for (let at = 0; at < values.length; at++) if ((values[at] ?? 0) <= MASKED) return false
  return true
}
