import type { Graph, Node } from '../onnx/graph.ts'
import type { Tensor } from '../tensor/tensor.ts'

export interface SortedInitializers {
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly buffers: ReadonlyMap<string, Tensor>
  readonly constants: ReadonlyMap<string, Tensor>
}

/** Inputs that set how an op works and are no weights, by op: from this place on. */
const settingsFrom: Readonly<Record<string, number>> = {
  Clip: 1,
  Dropout: 1,
  Expand: 1,
  OneHot: 1,
  Pad: 1,
  Pow: 1,
  QuantizeLinear: 1,
  Range: 0,
  Resize: 1,
  Upsample: 1,
  DequantizeLinear: 0,
}

/** Tells the initialisers of an exported model apart: what training changes, running statistics, and the rest. */
export function sortInitializers(graph: Graph): SortedInitializers {
  const roles = rolesOf(graph.nodes)
  const parameters = new Map<string, Tensor>()
  const buffers = new Map<string, Tensor>()
  const constants = new Map<string, Tensor>()
  for (const [name, tensor] of graph.initializers) {
    const role = roles.get(name)
    if (role === 'statistic') buffers.set(name, tensor)
    else if (role === 'operand' && isWeight(tensor)) parameters.set(name, tensor)
    else constants.set(name, tensor)
  }
  return { parameters, buffers, constants }
}

type Role = 'operand' | 'statistic' | 'setting'

/** What each value is used as; being an operand anywhere counts, and passing an Identity changes nothing. */
function rolesOf(nodes: readonly Node[]): Map<string, Role> {
  const roles = new Map<string, Role>()
  for (const node of [...nodes].reverse()) {
    for (const [place, name] of node.inputs.entries()) {
      const role = node.op === 'Identity' ? roles.get(node.outputs[0] ?? '') : roleAt(node.op, place)
      const known = roles.get(name)
      if (role === undefined || known === 'operand') continue
      if (known === undefined || role === 'operand') roles.set(name, role)
    }
  }
  return roles
}

function roleAt(op: string, place: number): Role {
  if (op === 'BatchNormalization' && place >= 3) return 'statistic'
  return place >= (settingsFrom[op] ?? Number.POSITIVE_INFINITY) ? 'setting' : 'operand'
}

/** Anything this low is there to be nothing after a softmax. */
const MASKED = -1e9

/** Scalars (a temperature, a root of two) and attention masks are no weights. */
function isWeight({ type, dims, data }: Tensor): boolean {
  if (type !== 'float32' || dims.length === 0 || data.length === 0) return false
  return (data as Float32Array).every((value) => value > MASKED)
}
