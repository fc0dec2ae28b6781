import { GraphBuilder } from '../../autodiff/builder.ts'
import { takeRows } from '../../data/rows.ts'
import { applyModel } from '../../model/apply.ts'
import type { Model } from '../../model/model.ts'
import type { Value } from '../../ops/core/index.ts'
import { sameDims, type Tensor, type TensorType, toNumbers } from '../../tensor/tensor.ts'
import { anyPreprocessing } from './flow.ts'

/** A value that follows from the number of rows alone: `fixed + rows * perRow`, element by element. */
export interface FromRows {
  readonly type: Tensor['type']
  readonly dims: readonly number[]
  readonly fixed: readonly number[]
  readonly perRow: readonly number[]
}

/** A model's graph with concrete dims, for some number of rows. */
interface Built {
  readonly rows: number
  readonly builder: GraphBuilder
  readonly logits: Value
  readonly values: ReadonlyMap<string, Value>
}

/** What values of a model's graph are like for rows of given dims. */
export interface Sizes {
  /** The largest number of rows that was looked at. */
  readonly built: Built
  /** Type and dims of one row; undefined for a value whose first axis does not go over the rows. */
  readonly row: (name: string) => TensorType | undefined
  /** What follows from the number of rows; undefined for what differs from row to row, or follows in another way. */
  readonly fromRows: (name: string) => FromRows | undefined
  /** The row [1, ...] that a value has over and over; undefined where rows differ. */
  readonly sameRow: (name: string) => Tensor | undefined
}

/** @throws ModelError, UnsupportedOpError what specialising the graph throws. */
export function sizesOf(model: Model, rowDims: readonly number[], names: readonly string[]): Sizes {
  const [batch] = model.input.dims ?? []
  // Two numbers of rows tell which dims follow them; a batch that the file fixes has one.
  const built = (typeof batch === 'number' ? [batch] : [1, 2]).map((rows) =>
    build(model, rowDims, rows, names),
  )
  const last = built.at(-1) as Built
  const all = (name: string) =>
    built.flatMap(({ rows, values }) => {
      const value = values.get(name)
      return value ? [{ rows, value }] : []
    })
  return {
    built: last,
    row: (name) => rowOf(all(name)),
    fromRows: (name) => linear(all(name)),
    sameRow: (name) => {
      const constant = rowOf(all(name)) && last.values.get(name)?.constant
      return constant && takeRows(constant, Int32Array.of(0))
    },
  }
}

function build(model: Model, rowDims: readonly number[], rows: number, names: readonly string[]): Built {
  const builder = new GraphBuilder()
  const stored = builder.input('rows', { type: model.input.type, dims: [rows, ...rowDims] })
  const bound = (tensors: ReadonlyMap<string, Tensor>) =>
    new Map([...tensors].map(([name, tensor]) => [name, builder.input(name, tensor)]))
  const { logits, values } = applyModel(
    builder,
    model,
    { stored, preprocessing: anyPreprocessing },
    { parameters: bound(model.parameters), buffers: bound(model.buffers), values: names },
  )
  return { rows, builder, logits, values }
}

type Seen = readonly { readonly rows: number; readonly value: Value }[]

function rowOf(seen: Seen): TensorType | undefined {
  const [first] = seen
  if (!first) return undefined
  const dims = first.value.dims.slice(1)
  const goesOverRows = seen.every(
    ({ rows, value }) => value.dims[0] === rows && sameDims(value.dims.slice(1), dims),
  )
  return goesOverRows ? { type: first.value.type, dims } : undefined
}

function linear(seen: Seen): FromRows | undefined {
  const constants = seen.flatMap(({ rows, value: { constant } }) => (constant ? [{ rows, constant }] : []))
  const [one, two] = constants
  if (!one || constants.length < seen.length) return undefined
  const { type, dims } = one.constant
  const a = toNumbers(one.constant)
  if (!two) return { type, dims, fixed: a, perRow: a.map(() => 0) }
  if (!sameDims(two.constant.dims, dims)) return undefined
  const b = toNumbers(two.constant)
  const perRow = a.map((value, at) => ((b[at] ?? value) - value) / (two.rows - one.rows))
  return { type, dims, perRow, fixed: a.map((value, at) => value - one.rows * (perRow[at] ?? 0)) }
}
