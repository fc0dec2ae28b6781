import { type Node, outputName } from '../onnx/graph.ts'
import { namesRead, subgraphsOf } from '../onnx/walk.ts'
import { type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { Constants } from './failing-kernels.ts'

// Which inputs of int64 a device may be fed as int32, and what has to be changed for that.

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
export interface Readers {
  /** Those that want an index of int64. */
  readonly widened: readonly Node[]
  /** Those that read a constant of int64 beside it, and which of their inputs that is. */
  readonly narrowed: readonly (readonly [Node, number])[]
}

/** Undefined where the value, wherever it is moved to, is more than an index, cast, compared with constants, or chosen in the place of one. */
export function readersOf(nodes: readonly Node[], name: string, constant: Constants): Readers | undefined {
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

export const asInt32 = (tensor: Tensor | undefined): Tensor => ({
  ...{ type: 'int32', dims: tensor?.dims ?? [] },
  data: Int32Array.from(tensor ? toNumbers(tensor) : []),
})
