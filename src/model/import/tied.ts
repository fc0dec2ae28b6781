import type { Graph, Node } from '../../onnx/graph.ts'
import type { ModelProto } from '../../onnx/onnx_pb.ts'
import { sameElements } from '../../tensor/bytes.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { isFilled } from './imported-graph.ts'

/** A parameter that is another's copy. */
export interface Copy {
  readonly of: string
  /** Whether rows and columns are swapped; two dims. */
  readonly transposed: boolean
}

/** Fewer elements may be equal by chance. */
const LEAST = 64

/**
 * Parameters that are copies of others to the last bit, perhaps transposed. PyTorch's exporter transposes the weight of
 * a linear layer where it folds constants, and gives it a name of its own, also where the weight is an embedding's table:
 * the file of a GPT-2 holds this twice. Small tensors and those filled with one value are equal by chance.
 *
 * @returns Copies by name. Of equal ones a table that a Gather reads stays, else the first.
 */
export function copiesAmong(
  graph: Graph,
  parameters: ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, Copy> {
  const tables = tablesOf(graph)
  const inOrder = [...parameters].sort(([a], [b]) => Number(tables.has(b)) - Number(tables.has(a)))
  const kept = new Map<string, [string, Tensor<'float32'>][]>()
  const copies = new Map<string, Copy>()
  for (const [name, given] of inOrder) {
    if (given.type !== 'float32' || given.data.length < LEAST) continue
    const tensor = given as Tensor<'float32'>
    const key = fingerprint(tensor)
    const alike = kept.get(key) ?? []
    const original = alike.find(([, other]) => isCopy(other, tensor))
    if (!original) kept.set(key, [...alike, [name, tensor]])
    else if (!isFilled(tensor.data)) {
      copies.set(name, { of: original[0], transposed: !sameElements(original[1], tensor) })
    }
  }
  return copies
}

const found = new WeakMap<ModelProto, ReadonlyMap<string, Copy>>()

/**
 * The copies in a file, looked for once: that takes all of its weights, which whoever writes it back would have in memory a second
 * time.
 */
export function copiesIn(
  file: ModelProto,
  search: () => ReadonlyMap<string, Copy>,
): ReadonlyMap<string, Copy> {
  const copies = found.get(file) ?? search()
  found.set(file, copies)
  return copies
}

/** The graph with nodes that make the copies of what they are copies of. */
export function withTies(graph: Graph, copies: ReadonlyMap<string, Copy>): Graph {
  if (copies.size === 0) return graph
  const made = Array.from(
    copies,
    ([name, { of, transposed }]): Node => ({
      op: transposed ? 'Transpose' : 'Identity',
      domain: '',
      name: '',
      inputs: [of],
      outputs: [name],
      attributes: transposed ? { perm: [1, 0] } : {},
    }),
  )
  return { ...graph, nodes: [...made, ...graph.nodes] }
}

/** What a copy holds once its original has changed. */
export const copied = (original: Tensor, { transposed }: Copy): Tensor =>
  transposed && original.type === 'float32' ? swapped(original as Tensor<'float32'>) : original

/** Names of what a Gather reads rows of. */
function tablesOf({ nodes }: Graph): ReadonlySet<string> {
  return new Set(nodes.flatMap(({ op, inputs }) => (op === 'Gather' ? inputs.slice(0, 1) : [])))
}

/** Equal for copies: the dims in order of size, and the corners, which transposing leaves where they are. */
const fingerprint = ({ dims, data }: Tensor<'float32'>): string =>
  [...(dims.length === 2 ? [...dims].sort((a, b) => a - b) : dims), data[0], data.at(-1)].join()

function isCopy(a: Tensor<'float32'>, b: Tensor<'float32'>): boolean {
  if (sameElements(a, b)) return true
  const [rows = 0, columns = 0] = a.dims
  if (a.dims.length !== 2 || b.dims[0] !== columns || b.dims[1] !== rows) return false
  return a.data.every((value, at) => value === b.data[(at % columns) * rows + Math.floor(at / columns)])
}

function swapped({ dims, data }: Tensor<'float32'>): Tensor<'float32'> {
  const [rows = 0, columns = 0] = dims
  const values = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      values[column * rows + row] = data[row * columns + column] ?? 0
    }
  }
  return float32([columns, rows], values)
}
