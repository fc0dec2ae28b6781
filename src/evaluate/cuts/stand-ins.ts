import { plainNode as node } from '../../onnx/graph.ts'
import { fromNumbers } from '../../ops/core/index.ts'
import { int64, type Tensor } from '../../tensor/tensor.ts'
import type { Above } from './above.ts'
import type { Piece } from './entry.ts'
import type { FromRows, Sizes } from './sizes.ts'

/** What is not computed from activations, because it follows from how many rows of them there are. */
export interface StandIns extends Piece {
  /** Names of the values that they stand for. */
  readonly names: ReadonlySet<string>
}

/**
 * Stand-ins above a cut for the dims of values below it, and for inputs that are the same for each row (positions, token
 * types).
 *
 * @param input The activations' name.
 * @param batch Where the file fixes it.
 * @returns undefined where something above needs the input itself.
 */
export function standIns(
  { dims, inputs }: Above,
  sizes: Sizes | undefined,
  { input, batch }: { readonly input: string; readonly batch: number | undefined },
): StandIns | undefined {
  const names = dims.flatMap(({ outputs }) => outputs)
  const known = names.flatMap((name) => {
    const value = sizes?.fromRows(name)
    return value ? [computed(name, value, input)] : []
  })
  const repeated = inputs.flatMap((name) => {
    const row = sizes?.sameRow(name)
    return row ? [expanded(name, row, input, batch)] : []
  })
  if (known.length < names.length || repeated.length < inputs.length) return undefined
  const pieces = [...known, ...repeated]
  return {
    names: new Set([...names, ...inputs]),
    nodes: pieces.flatMap(({ nodes }) => nodes),
    constants: new Map(pieces.flatMap(({ constants }) => [...constants])),
  }
}

/** fixed + rows * perRow */
function computed(name: string, { type, dims, fixed, perRow }: FromRows, input: string): Piece {
  const tensor = (values: readonly number[]) => fromNumbers(type, dims, values)
  if (perRow.every((value) => value === 0)) return { nodes: [], constants: new Map([[name, tensor(fixed)]]) }
  const [shape, first, rows, factor, product, offset] = PARTS.map((part) => `${name}/${part}`) as Names
  return {
    nodes: [
      node('Shape', [input], shape),
      node('Gather', [shape, first], rows, { axis: 0 }),
      node('Mul', [rows, factor], product),
      node('Add', [product, offset], name),
    ],
    constants: new Map<string, Tensor>([
      [first, int64(dims.length === 0 ? [] : [1], [0])],
      [factor, tensor(perRow)],
      [offset, tensor(fixed)],
    ]),
  }
}

const PARTS = ['shape', 'first', 'rows', 'factor', 'product', 'offset'] as const
type Names = [string, string, string, string, string, string]

function expanded(name: string, row: Tensor, input: string, batch: number | undefined): Piece {
  const rest = row.dims.slice(1)
  const perRow = [batch === undefined ? 1 : 0, ...rest.map(() => 0)]
  const fixed = [batch ?? 0, ...rest]
  const dims = computed(`${name}/dims`, { type: 'int64', dims: [fixed.length], perRow, fixed }, input)
  return {
    nodes: [...dims.nodes, node('Expand', [`${name}/one`, `${name}/dims`], name)],
    constants: new Map([...dims.constants, [`${name}/one`, row]]),
  }
}
