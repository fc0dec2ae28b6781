import { itemAt } from '../../required.ts'
import { sizeOf, type TensorType, toNumbers } from '../../tensor/tensor.ts'
import {
  add,
  cast,
  defineOp,
  dimOf,
  type Emitter,
  filled,
  foldPicking,
  type GradientContext,
  mul,
  offsetOf,
  positiveAxis,
  required,
  reshape,
  type ShapeContext,
  type SquareTerm,
  scalar,
  shapeError,
  square,
  stridesOf,
  swapLast,
  transpose,
  type Value,
} from '../core/index.ts'
import { padZeros } from '../shape/index.ts'

export const gatherAxis = (context: Omit<ShapeContext, 'outputs'>): number =>
  positiveAxis(
    { ...context, outputs: 1 },
    context.attributes.int('axis', 0),
    required(context, 0).dims.length,
  )

function gatherShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const indices = required(context, 1)
  const axis = gatherAxis(context)
  return [{ type: x.type, dims: [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)] }]
}

/**
 * Adds `rows` to zeros of [size, ...] where `indices` say, repeated ones too. ScatterND is the fastest form that ONNX
 * Runtime has: for tables of 20 to 30,000 rows ScatterElements took 1.5 to 20 times as long, and a product with a
 * one-hot matrix (up to 5,000 rows) 2 to 45 times.
 */
function addRows(emit: Emitter, size: number, indices: Value, rows: Value): Value {
  const count = sizeOf(indices.dims)
  const width = rows.dims.slice(indices.dims.length)
  const zeros = filled(emit, 0, { name: '', type: rows.type, dims: [size, ...width] })
  const places = cast(emit, reshape(emit, indices, [count, 1]), 'int64')
  const values = reshape(emit, rows, [count, ...width])
  const sum = emit.op('ScatterND', [zeros, places, values], { reduction: 'add' })
  // Rows are added up by a table of whole numbers, for which devices without loops lack ops.
  return sum.constant || emit.flat ? sum : { ...sum, rows: { places, values } }
}

/** The first of consecutive constant indices: then Gather is a slice, and its gradient a Pad. */
function sliceStart(indices: Value, dim: number): number | undefined {
  if (!indices.constant || indices.dims.length > 1) return undefined
  const places = toNumbers(indices.constant).map((index) => (index < 0 ? index + dim : index))
  const [first] = places
  return places.every((place, index) => place === (first ?? 0) + index) ? first : undefined
}

function gatherGradient(context: GradientContext): (Value | undefined)[] {
  const { emit } = context
  const x = required(context, 0)
  const indices = required(context, 1)
  const [dy] = context.gradients
  if (!dy) return []
  const axis = gatherAxis(context)
  const dim = dimOf(x, axis)
  const count = sizeOf(indices.dims)
  const start = sliceStart(indices, dim)
  if (start !== undefined) {
    const before = x.dims.map((_, at) => (at === axis ? start : 0))
    const after = x.dims.map((_, at) => (at === axis ? dim - start - count : 0))
    return [padZeros(emit, reshape(emit, dy, x.dims.with(axis, count)), before, after)]
  }
  const lead = sizeOf(x.dims.slice(0, axis))
  const trail = sizeOf(x.dims.slice(axis + 1))
  const perm = [1, 0, 2]
  // The indexed axis comes first: [lead, count, trail] to [count, lead, trail], and back for the sums.
  const rows = transpose(emit, reshape(emit, dy, [lead, count, trail]), lead === 1 ? [0, 1, 2] : perm)
  const flat = reshape(emit, indices, [count])
  const sums = addRows(emit, dim, flat, reshape(emit, rows, [count, lead * trail]))
  const back = lead === 1 ? sums : transpose(emit, reshape(emit, sums, [dim, lead, trail]), perm)
  return [reshape(emit, back, x.dims)]
}

/** Indices counted from the front, whatever their sign. */
export function fromFront(emit: Emitter, indices: Value, dim: number): Value {
  if (indices.constant && toNumbers(indices.constant).every((index) => index >= 0)) return indices
  const negative = emit.op('Less', [indices, scalar(emit, 0, indices)])
  return add(emit, indices, mul(emit, cast(emit, negative, indices.type), scalar(emit, dim, indices)))
}

/**
 * Squares of an embedding table. Row v gets g_n[v] = sum over positions t with token v of d_nt, and
 *
 *     sum_n g_n[v]^2 = sum_n sum_t [tok_nt = v] d_nt s_nt,   s_nt = sum_t' [tok_nt' = tok_nt] d_nt'
 *
 * so tokens that come twice in a sample are summed before squaring: E_n D_n with the [T, T] matrix E_n of equal tokens.
 */
function embeddingSquares(
  emit: Emitter,
  table: Value,
  indices: Value,
  dy: Value,
  samples: number,
): SquareTerm | undefined {
  const count = sizeOf(indices.dims)
  if (count % samples !== 0) return undefined
  const positions = count / samples
  const [size = 0, ...width] = table.dims
  const d = reshape(emit, dy, [samples, positions, sizeOf(width)])
  // Devices without loops know little of int64.
  const counted = (to: Emitter) => fromFront(to, cast(to, indices, to.flat ? 'int32' : 'int64'), size)
  const products = () => {
    if (positions === 1) return square(emit, d)
    const tokens = reshape(emit, counted(emit), [samples, positions, 1])
    const equal = emit.op('Equal', [tokens, swapLast(emit, tokens)])
    return mul(emit, d, emit.op('MatMul', [cast(emit, equal, d.type), d]))
  }
  return {
    accumulate: products(),
    finish: (to, sum) => {
      const rows = reshape(to, sum, [count, sizeOf(width)])
      // Emitted anew: the sum may be finished outside of the graph that it was taken in, a pass a class.
      return reshape(to, addRows(to, size, reshape(to, counted(to), [count]), rows), table.dims)
    },
  }
}

export const list = (dims: readonly number[], values: readonly number[]) => ({
  dims,
  type: 'int64' as const,
  values,
})

/** Slices of X along an axis, by index. dX adds up what came from each slice. */
export const Gather = defineOp('Gather', {
  shape: gatherShape,
  gradient: gatherGradient,
  squares: (context) => {
    const { emit, inputs, gradients, needs, carries, samples } = context
    const [table, indices] = inputs
    const [dy] = gradients
    if (!table || !indices || !dy || !needs[0] || !carries[1] || gatherAxis(context) !== 0) return []
    return [embeddingSquares(emit, table, indices, dy, samples)]
  },
  rows: (context) => {
    const [fromData, fromIndices] = context.carries
    const axis = gatherAxis({ op: 'Gather', name: '', ...context })
    return axis === 0 ? fromIndices === true && !fromData : fromData === true && !fromIndices
  },
  fold: foldPicking(gatherShape, (context, source) => {
    const axis = gatherAxis(context)
    const dim = dimOf(source, axis)
    const strides = stridesOf(source.dims)
    const indices = required(context, 1)
    const table = indices.constant ? toNumbers(indices.constant) : []
    const indexStrides = stridesOf(indices.dims)
    const outer = strides.slice(0, axis)
    const inner = strides.slice(axis + 1)
    return (at) => {
      const index = itemAt(table, offsetOf(at.slice(axis, axis + indices.dims.length), indexStrides), 'index')
      if (index < -dim || index >= dim) throw shapeError(context, `index ${index} is outside axis ${axis}.`)
      const place = index < 0 ? index + dim : index
      return (
        offsetOf(at.slice(0, axis), outer) +
        place * itemAt(strides, axis, 'stride') +
        offsetOf(at.slice(axis + indices.dims.length), inner)
      )
    }
  }),
  cases: [
    { name: 'embedding', inputs: [{ dims: [5, 3] }, list([2, 4], [0, 4, 1, 1, 3, 0, -1, 0])] },
    { name: 'one index', inputs: [{ dims: [4, 3] }, list([], [2])] },
    {
      name: 'one index from the back',
      inputs: [{ dims: [2, 4, 3] }, list([], [-1])],
      attributes: { axis: 1 },
    },
    { name: 'consecutive', inputs: [{ dims: [2, 5] }, list([3], [1, 2, 3])], attributes: { axis: 1 } },
    { name: 'middle axis', inputs: [{ dims: [2, 3, 2] }, list([4], [2, 0, 2, 1])], attributes: { axis: 1 } },
    {
      name: 'grid on the last axis',
      inputs: [{ dims: [2, 3] }, list([2, 2], [2, 0, 2, -2])],
      attributes: { axis: -1 },
    },
    { name: 'of a vector', inputs: [{ dims: [4] }, list([3], [3, 3, 0])] },
    { name: 'int32 indices', inputs: [{ dims: [4, 2] }, { dims: [3], type: 'int32', values: [3, 3, 0] }] },
    { name: 'float64', inputs: [{ dims: [4, 2], type: 'float64' }, list([3], [3, 3, 0])] },
    {
      name: 'indices known at run time',
      inputs: [{ dims: [4, 2] }, { ...list([3], [3, -1, 0]), constant: false }],
    },
    { name: 'none', inputs: [{ dims: [4, 2] }, list([0], [])] },
    {
      name: 'negative int32 indices, three axes of them',
      inputs: [{ dims: [2, 3] }, { dims: [2, 1, 2], type: 'int32', values: [-1, -3, 0, -1] }],
      attributes: { axis: -1 },
    },
    { name: 'negative axis', inputs: [{ dims: [2, 3, 2] }, list([2], [-1, 0])], attributes: { axis: -2 } },
    { name: 'opset 7', inputs: [{ dims: [3, 2] }, list([2], [2, 0])], opset: 7 },
    { name: 'folded', inputs: [list([4], [7, 8, 9, 10]), list([2], [-1, 0])] },
    { name: 'folded, one', inputs: [list([2, 2], [7, 8, 9, 10]), list([], [1])], attributes: { axis: 1 } },
  ],
})
