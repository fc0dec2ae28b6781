import { type DType, sizeOf, type Tensor, type TensorType } from '../../tensor/tensor.ts'
import {
  constantInts,
  defineOp,
  expand,
  fromNumbers,
  ints,
  LARGEST_FOLD,
  type OpCase,
  type OpDefinition,
  positiveAxis,
  required,
  reshape,
  type rowsFirst,
  type ShapeContext,
  scale,
  type UpgradeContext,
  type Value,
} from '../core/index.ts'

/** The axes a reduction goes over, counted from the front. None given means all, or none with `noop_with_empty_axes`. */
export function reducedAxes(context: Pick<ShapeContext, 'op' | 'name' | 'attributes' | 'inputs'>): number[] {
  const full: ShapeContext = { ...context, outputs: 1 }
  const rank = required(full, 0).dims.length
  const given = context.inputs[1] ? constantInts(full, 1) : []
  if (given.length > 0) return given.map((axis) => positiveAxis(full, axis, rank)).sort((a, b) => a - b)
  if (context.attributes.int('noop_with_empty_axes', 0)) return []
  return Array.from({ length: rank }, (_, axis) => axis)
}

export function reduceShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const axes = new Set(reducedAxes(context))
  const keep = context.attributes.int('keepdims', 1) !== 0
  const dims = keep
    ? x.dims.map((dim, axis) => (axes.has(axis) ? 1 : dim))
    : x.dims.filter((_, axis) => !axes.has(axis))
  return [{ type: x.type, dims }]
}

/** Before opset 18 (13 for ReduceSum) the axes were an attribute. */
export function axesFromAttribute({ attributes, inputs, emit }: UpgradeContext): {
  inputs: readonly (Value | undefined)[]
  attributes: typeof attributes
} {
  const { axes, ...rest } = attributes
  return Array.isArray(axes)
    ? { inputs: [inputs[0], ints(emit, axes)], attributes: rest }
    : { inputs, attributes }
}

/** `y` (an output, or its gradient) with the reduced axes back as size 1. */
export function unreduced(context: Parameters<NonNullable<OpDefinition['gradient']>>[0], y: Value): Value {
  const x = required(context, 0)
  const axes = new Set(reducedAxes(context))
  return reshape(
    context.emit,
    y,
    x.dims.map((dim, axis) => (axes.has(axis) ? 1 : dim)),
  )
}

export const rowsKept: typeof rowsFirst = ({ inputs, outputs, carries, attributes }) => {
  const [x] = inputs
  const [y] = outputs
  if (!x || !y || !carries[0]) return false
  const axes = reducedAxes({ op: 'Reduce', name: '', inputs, attributes })
  return !axes.includes(0) && y.dims[0] === x.dims[0]
}

export const axesInput = (values: readonly number[]) => ({
  dims: [values.length],
  type: 'int64' as const,
  values,
})

export const reduceCases = (distinct = false, range?: readonly [number, number]): OpCase[] => {
  const x = (dims: readonly number[], type: DType = 'float32') => ({
    dims,
    type,
    distinct,
    ...(range ? { range } : {}),
  })
  return [
    { name: 'all', inputs: [x([2, 3])] },
    { name: 'all, dropped', inputs: [x([2, 3])], attributes: { keepdims: 0 } },
    { name: 'last, kept', inputs: [x([2, 3, 4]), axesInput([2])] },
    { name: 'last, dropped', inputs: [x([2, 3, 4]), axesInput([-1])], attributes: { keepdims: 0 } },
    { name: 'middle', inputs: [x([2, 3, 4]), axesInput([1])] },
    { name: 'first and last', inputs: [x([2, 3, 4]), axesInput([0, 2])], attributes: { keepdims: 0 } },
    { name: 'unordered, negative', inputs: [x([2, 3, 2]), axesInput([-1, 0])] },
    { name: 'size 1', inputs: [x([2, 1, 3]), axesInput([1])], attributes: { keepdims: 0 } },
    { name: 'no axes, no operation', inputs: [x([2, 3])], attributes: { noop_with_empty_axes: 1 } },
    { name: 'float64', inputs: [x([2, 3], 'float64'), axesInput([1])] },
    { name: 'axes as attribute', inputs: [x([2, 3, 4])], attributes: { axes: [1], keepdims: 0 }, opset: 12 },
    { name: 'axes empty: all', inputs: [x([2, 3]), axesInput([])] },
    { name: 'axes empty: all, dropped', inputs: [x([2, 3]), axesInput([])], attributes: { keepdims: 0 } },
    {
      name: 'axes empty, no operation',
      inputs: [x([2, 3]), axesInput([])],
      attributes: { noop_with_empty_axes: 1, keepdims: 0 },
    },
    {
      name: 'axes given in spite of no operation',
      inputs: [x([2, 3]), axesInput([0])],
      attributes: { noop_with_empty_axes: 1 },
    },
    { name: 'scalar', inputs: [x([])] },
    { name: 'a vector to a scalar', inputs: [x([4]), axesInput([0])], attributes: { keepdims: 0 } },
    { name: 'every axis named', inputs: [x([2, 3]), axesInput([1, 0])], attributes: { keepdims: 0 } },
    { name: 'no rows', inputs: [x([0, 3]), axesInput([1])] },
    { name: 'kept, opset 7', inputs: [x([2, 3, 2])], attributes: { axes: [0, 2] }, opset: 7 },
    { name: 'negative axes, opset 11', inputs: [x([2, 3, 2])], attributes: { axes: [-1, 1] }, opset: 11 },
    { name: 'no axes as attribute', inputs: [x([2, 3])], attributes: { keepdims: 0 }, opset: 11 },
  ]
}

/** Integers, at run time and while the graph is built. */
export const integerCases = (['int32', 'int64'] as const).flatMap((type): OpCase[] =>
  [false, true].map((constant) => ({
    name: constant ? `${type}, known while the graph is built` : type,
    inputs: [{ dims: [2, 3], type, range: [1, 5], constant }, axesInput([1])],
    attributes: { keepdims: 0 },
  })),
)

/** Folds integers only: they are shape arithmetic, and exact. */
export function foldIntegers(combine: (a: number, b: number) => number): NonNullable<OpDefinition['fold']> {
  return ([x], context) => {
    if (!x || (x.type !== 'int64' && x.type !== 'int32')) return undefined
    if (sizeOf(x.dims) > LARGEST_FOLD || sizeOf(x.dims) === 0) return undefined
    if (context.inputs[1] && !context.inputs[1].constant) return undefined
    const [out] = reduceShape(context)
    return out ? [combined(x, new Set(reducedAxes(context)), out.dims, combine)] : undefined
  }
}

function combined(
  x: Tensor,
  axes: ReadonlySet<number>,
  dims: readonly number[],
  combine: (a: number, b: number) => number,
): Tensor {
  const values = new Array<number | undefined>(sizeOf(dims)).fill(undefined)
  Array.from(x.data as ArrayLike<number | bigint>, Number).forEach((value, index) => {
    let rest = index
    let at = 0
    let stride = 1
    for (let axis = x.dims.length - 1; axis >= 0; axis--) {
      const dim = x.dims[axis] ?? 1
      if (!axes.has(axis)) {
        at += (rest % dim) * stride
        stride *= dim
      }
      rest = Math.floor(rest / dim)
    }
    const before = values[at]
    values[at] = before === undefined ? value : combine(before, value)
  })
  return fromNumbers(
    x.type,
    dims,
    values.map((value) => value ?? 0),
  )
}

/** y = sum x: every element gets dy. */
export const ReduceSum = defineOp('ReduceSum', {
  shape: reduceShape,
  gradient: (context) => {
    const [dy] = context.gradients
    return dy ? [expand(context.emit, unreduced(context, dy), required(context, 0).dims)] : []
  },
  rows: rowsKept,
  fold: foldIntegers((a, b) => a + b),
  upgrade: axesFromAttribute,
  cases: [...reduceCases(), ...integerCases],
})

/** y = mean x: every element gets dy / n. */
export const ReduceMean = defineOp('ReduceMean', {
  shape: reduceShape,
  gradient: (context) => {
    const [dy] = context.gradients
    const [y] = context.outputs
    const x = required(context, 0)
    if (!dy || !y) return []
    const share = scale(context.emit, dy, sizeOf(y.dims) / sizeOf(x.dims))
    return [expand(context.emit, unreduced(context, share), x.dims)]
  },
  rows: rowsKept,
  upgrade: axesFromAttribute,
  cases: reduceCases(),
})
