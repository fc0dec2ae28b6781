import { TensorCode } from '../../onnx/codes.ts'
import { type DType, float32, int64, sameDims, sizeOf } from '../../tensor/tensor.ts'
import type { Emitter, Value } from './define.ts'
import { fromNumbers } from './fold.ts'

/** A scalar constant of `like`'s type, so that a rule works in all of them. */
export const scalar = (emit: Emitter, value: number, like: { readonly type: DType }): Value =>
  emit.constant(fromNumbers(like.type, [], [value]))

/** A one-dimensional int64 constant: axes, shapes, pads. */
export const ints = (emit: Emitter, values: readonly number[]): Value =>
  emit.constant(int64([values.length], values))

/**
 * An element-wise op. One number beside dims that end in 1 gets their rank, without which ONNX Runtime goes element by
 * element: [960, 160, 1, 1] times [] takes 1.8 ms, times [1, 1, 1, 1] 0.1 ms.
 */
function binary(emit: Emitter, op: string, a: Value, b: Value): Value {
  const ranked = (number: Value, other: Value): Value =>
    other.dims.at(-1) === 1 && number.dims.length < other.dims.length && sizeOf(number.dims) === 1
      ? reshape(
          emit,
          number,
          other.dims.map(() => 1),
        )
      : number
  return emit.op(op, [ranked(a, b), ranked(b, a)])
}

export const add = (emit: Emitter, a: Value, b: Value): Value => binary(emit, 'Add', a, b)
export const sub = (emit: Emitter, a: Value, b: Value): Value => binary(emit, 'Sub', a, b)

/** a b; nothing is emitted where one of them is all ones and does not broadcast the other. */
export function mul(emit: Emitter, a: Value, b: Value): Value {
  if (isOnes(b) && broadcastsInto(b, a)) return a
  if (isOnes(a) && broadcastsInto(a, b)) return b
  return binary(emit, 'Mul', a, b)
}

/** What 1 is stored as, for the types that gradients have. */
const oneAs: Partial<Record<DType, number>> = { float32: 1, float64: 1, float16: 0x3c00, bfloat16: 0x3f80 }

/** Whether a constant is 1 everywhere, as the seed of a gradient is. */
function isOnes({ constant }: Value): boolean {
  if (!constant) return false
  const one = oneAs[constant.type]
  return one !== undefined && (constant.data as Float32Array).every((value) => value === one)
}

/** Whether `small` broadcast against `large` leaves the dims of `large`. */
const broadcastsInto = (small: Value, large: Value): boolean =>
  small.dims.length <= large.dims.length &&
  small.dims.every(
    (dim, axis) => dim === 1 || dim === large.dims[axis - small.dims.length + large.dims.length],
  )
export const div = (emit: Emitter, a: Value, b: Value): Value => binary(emit, 'Div', a, b)
export const neg = (emit: Emitter, a: Value): Value => emit.op('Neg', [a])
export const square = (emit: Emitter, a: Value): Value => emit.op('Mul', [a, a])
export const scale = (emit: Emitter, a: Value, factor: number): Value =>
  factor === 1 ? a : binary(emit, 'Mul', a, scalar(emit, factor, a))
export const matmul = (emit: Emitter, a: Value, b: Value): Value => emit.op('MatMul', [a, b])

/** `x` with other dims, the same elements; nothing is emitted where the dims are the same already. */
export function reshape(emit: Emitter, x: Value, dims: readonly number[]): Value {
  if (sameDims(x.dims, dims)) return x
  return emit.op('Reshape', [x, ints(emit, dims)], dims.includes(0) ? { allowzero: 1 } : {})
}

/** `x` with its axes in another order; where only axes of size 1 move, which the runtime would copy for, by new dims. */
export function transpose(emit: Emitter, x: Value, perm: readonly number[]): Value {
  if (perm.every((from, to) => from === to)) return x
  const moving = perm.filter((axis) => x.dims[axis] !== 1)
  if (moving.every((axis, at) => at === 0 || axis > (moving[at - 1] ?? 0)))
    return reshape(
      emit,
      x,
      perm.map((axis) => x.dims[axis] ?? 1),
    )
  return emit.op('Transpose', [x], { perm })
}

/** The parts one after the other along an axis; itself where there is one. */
export function concat(emit: Emitter, parts: readonly Value[], axis: number): Value {
  const [only] = parts
  return parts.length === 1 && only ? only : emit.op('Concat', parts, { axis })
}

/** Swaps the last two axes. */
export function swapLast(emit: Emitter, x: Value): Value {
  const rank = x.dims.length
  const perm = x.dims.map((_, axis) => axis)
  perm[rank - 2] = rank - 1
  perm[rank - 1] = rank - 2
  return transpose(emit, x, perm)
}

/** Sums over `axes`, keeping them as size 1 where `keep` says so. No axes: `x` itself. */
export function reduceSum(emit: Emitter, x: Value, axes: readonly number[], keep = false): Value {
  if (axes.length === 0) return x
  return emit.op('ReduceSum', [x, ints(emit, axes)], { keepdims: keep ? 1 : 0 })
}

export const expand = (emit: Emitter, x: Value, dims: readonly number[]): Value =>
  sameDims(x.dims, dims) ? x : emit.op('Expand', [x, ints(emit, dims)])

/** A tensor of `value` with the dims and type of `like`. */
export const filled = (emit: Emitter, value: number, like: Value): Value =>
  expand(emit, scalar(emit, value, like), like.dims)

/** 1 where the boolean `condition` holds, 0 elsewhere, in the type of `like`. */
export const indicator = (emit: Emitter, condition: Value, like: Value): Value =>
  cast(emit, condition, like.type)

export const cast = (emit: Emitter, x: Value, type: DType): Value =>
  x.type === type ? x : emit.op('Cast', [x], { to: TensorCode[type] })

/** Undoes broadcasting: sums `x` down to `dims`. */
export function sumTo(emit: Emitter, x: Value, dims: readonly number[]): Value {
  if (sameDims(x.dims, dims)) return x
  const lead = x.dims.length - dims.length
  const axes: number[] = []
  x.dims.forEach((dim, axis) => {
    if (axis < lead || (dims[axis - lead] === 1 && dim !== 1)) axes.push(axis)
  })
  return reshape(emit, sumAxes(emit, x, axes), dims)
}

/**
 * Leading axes are summed by a product with ones, which runs at matrix-product speed where a strided sum does not. The
 * ones are a vector, so that the result needs no reshaping.
 */
function sumAxes(emit: Emitter, x: Value, axes: readonly number[]): Value {
  const leading =
    axes.length > 0 && axes.every((axis, index) => axis === index) && axes.length < x.dims.length
  if (!leading || x.type !== 'float32') return reduceSum(emit, x, axes)
  const rows = sizeOf(x.dims.slice(0, axes.length))
  const columns = sizeOf(x.dims.slice(axes.length))
  const ones = emit.constant(float32([rows], new Float32Array(rows).fill(1)))
  return matmul(emit, ones, reshape(emit, x, [rows, columns]))
}

/** The value, once another is there, of which a number is added times zero: the runtime computes what needs it no sooner. */
export function after(emit: Emitter, value: Value, other: Value): Value {
  const flat = reshape(emit, other, [sizeOf(other.dims)])
  const first = emit.op('Slice', [flat, ints(emit, [0]), ints(emit, [1]), ints(emit, [0])])
  return emit.op('Add', [value, emit.op('Mul', [first, scalar(emit, 0, other)])])
}
