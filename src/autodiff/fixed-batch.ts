import { ModelError } from '../errors.ts'
import type { Graph } from '../onnx/graph.ts'
import { ints, type Value } from '../ops/core/index.ts'
import { Blocks } from './blocks/index.ts'
import type { GraphBuilder } from './builder.ts'

/** A graph whose batch is fixed, bound to another number of rows. */
export interface FixedBatch {
  readonly blocks: Blocks
  /** Rows that the graph takes at once. */
  readonly size: number
  /** Rows that were bound; what is beyond them in the last block is a repetition. */
  readonly rows: number
  /** The bindings, those of inputs as values of one block. */
  readonly bindings: ReadonlyMap<string, Value>
}

/**
 * @param given Rows that the graph takes at once, whatever its inputs are declared with.
 * @returns undefined where the graph takes any batch, or just the one that is bound.
 */
export function blocksOf(
  builder: GraphBuilder,
  graph: Graph,
  bindings: ReadonlyMap<string, Value>,
  given?: number,
): FixedBatch | undefined {
  const fixed = graph.inputs.flatMap(({ name, dims }) => mismatch(given ?? dims?.[0], bindings.get(name)))
  const [first] = fixed
  if (!first) return undefined
  const { size, rows } = first
  const count = Math.ceil(rows / size)
  const blocks = new Blocks(builder, count)
  const bound = graph.inputs.flatMap((info): [string, Value][] => {
    const value = bindings.get(info.name)
    const batch = info.dims?.[0]
    const carries = value?.dims[0] === rows && (batch === size || typeof batch !== 'number')
    return value && carries ? [[info.name, blocks.fromRows(filledUp(builder, value, count * size))]] : []
  })
  return { blocks, size, rows, bindings: new Map([...bindings, ...bound]) }
}

function mismatch(
  size: number | string | undefined,
  bound: Value | undefined,
): { size: number; rows: number }[] {
  const [rows] = bound?.dims ?? []
  const differs = typeof size === 'number' && size > 0 && rows !== undefined && rows > 0 && rows !== size
  return differs ? [{ size, rows }] : []
}

/** The last block filled up by the first row. */
function filledUp(builder: GraphBuilder, value: Value, wanted: number): Value {
  const [rows = 0] = value.dims
  if (rows === wanted) return value
  const places = Array.from({ length: wanted }, (_, at) => (at < rows ? at : 0))
  return builder.op('Gather', [value, ints(builder, places)], { axis: 0 })
}

/**
 * A value of one block for the rows that were bound.
 *
 * @throws ModelError `rows-mixed` where its first dim is not the batch.
 */
export function rowsFrom(
  builder: GraphBuilder,
  { blocks, size, rows }: FixedBatch,
  value: Value,
  name: string,
): Value {
  // Of a batch of one every value is a row's, whatever its axes are.
  if (size === 1 && value.dims[0] !== 1) return blocks.stacked(value)
  if (value.dims[0] !== size) {
    throw new ModelError(
      'rows-mixed',
      `The value "${name}" has dims [${value.dims}] for a batch that the file fixes at ${size}: its first axis does not go over the rows, so it cannot be told which is of which row. Export the model with a free batch.`,
    )
  }
  const all = blocks.toRows(value)
  if (blocks.count * size === rows) return all
  return builder.op('Slice', [all, ints(builder, [0]), ints(builder, [rows]), ints(builder, [0])])
}
