import { sizeOf, type TensorType } from '../tensor/tensor.ts'
import {
  defineOp,
  type OpCase,
  type OpDefinition,
  type ShapeContext,
  type UpgradeContext,
  type Value,
} from './define.ts'
import { div, expand, indicator, ints, mul, reduceSum, reshape, scale } from './emit.ts'
import { constantInts, positiveAxis, required, type rowsFirst } from './shapes.ts'

/** The axes a reduction goes over, counted from the front. None given means all, or none with `noop_with_empty_axes`. */
function reducedAxes(context: Pick<ShapeContext, 'op' | 'name' | 'attributes' | 'inputs'>): number[] {
  const full: ShapeContext = { ...context, outputs: 1 }
  const rank = required(full, 0).dims.length
  const given = context.inputs[1] ? constantInts(full, 1) : []
  if (given.length > 0) return given.map((axis) => positiveAxis(full, axis, rank)).sort((a, b) => a - b)
  if (context.attributes.int('noop_with_empty_axes', 0)) return []
  return Array.from({ length: rank }, (_, axis) => axis)
}

function reduceShape(context: ShapeContext): TensorType[] {
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
function unreduced(context: Parameters<NonNullable<OpDefinition['gradient']>>[0], y: Value): Value {
  const x = required(context, 0)
  const axes = new Set(reducedAxes(context))
  return reshape(
    context.emit,
    y,
    x.dims.map((dim, axis) => (axes.has(axis) ? 1 : dim)),
  )
}

const rowsKept: typeof rowsFirst = ({ inputs, outputs, carries, attributes }) => {
  const [x] = inputs
  const [y] = outputs
  if (!x || !y || !carries[0]) return false
  const axes = reducedAxes({ op: 'Reduce', name: '', inputs, attributes })
  return !axes.includes(0) && y.dims[0] === x.dims[0]
}

const reduceCases = (distinct = false, range?: readonly [number, number]): OpCase[] => {
  const x = (dims: readonly number[]) => ({ dims, distinct, ...(range ? { range } : {}) })
  const axes = (values: readonly number[]) => ({ dims: [values.length], type: 'int64' as const, values })
  return [
    { name: 'all', inputs: [x([2, 3])] },
    { name: 'last, kept', inputs: [x([2, 3, 4]), axes([2])] },
    { name: 'last, dropped', inputs: [x([2, 3, 4]), axes([-1])], attributes: { keepdims: 0 } },
    { name: 'first and last', inputs: [x([2, 3, 4]), axes([0, 2])], attributes: { keepdims: 0 } },
    { name: 'no axes, no operation', inputs: [x([2, 3])], attributes: { noop_with_empty_axes: 1 } },
    { name: 'axes as attribute', inputs: [x([2, 3, 4])], attributes: { axes: [1], keepdims: 0 }, opset: 12 },
  ]
}

/** y = sum x: every element gets dy. */
export const ReduceSum = defineOp('ReduceSum', {
  shape: reduceShape,
  gradient: (context) => {
    const [dy] = context.gradients
    return dy ? [expand(context.emit, unreduced(context, dy), required(context, 0).dims)] : []
  },
  rows: rowsKept,
  upgrade: axesFromAttribute,
  cases: reduceCases(),
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

/** The gradient goes to the elements that equal the extremum; ties share it evenly. */
const extremumGradient: NonNullable<OpDefinition['gradient']> = (context) => {
  const { emit } = context
  const [dy] = context.gradients
  const [y] = context.outputs
  const x = required(context, 0)
  if (!dy || !y) return []
  const winners = indicator(emit, emit.op('Equal', [x, unreduced(context, y)]), dy)
  const count = reduceSum(emit, winners, reducedAxes(context), true)
  return [mul(emit, winners, div(emit, unreduced(context, dy), count))]
}

const extremum = (): Omit<OpDefinition, 'op'> => ({
  shape: reduceShape,
  gradient: extremumGradient,
  rows: rowsKept,
  upgrade: axesFromAttribute,
  cases: reduceCases(true),
})

export const ReduceMax = defineOp('ReduceMax', extremum())
export const ReduceMin = defineOp('ReduceMin', extremum())
