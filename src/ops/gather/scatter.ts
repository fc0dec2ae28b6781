import { ModelError } from '../../errors.ts'
import { sameDims, sizeOf, type TensorType } from '../../tensor/tensor.ts'
import {
  add,
  defineOp,
  div,
  type Emitter,
  filled,
  type GradientContext,
  indicator,
  isFirstAxis,
  mul,
  nodeLabel,
  type OpCase,
  positiveAxis,
  required,
  type ShapeContext,
  scalar,
  shapeError,
  type Value,
} from '../core/index.ts'

/** How a family of ops puts updates at indices, and reads what lies there. */
interface Places {
  put(data: Value, updates: Value, reduction: 'none' | 'add' | 'mul'): Value
  read(from: Value): Value
}

/**
 * Gradients of Y = X with updates U put at places p by a reduction; U_p are all that go to one place.
 *
 * none: dU = dY[p], dX = dY without what was overwritten. add: dU = dY[p], dX = dY.
 * mul: dX = dY prod U_p, dU = dY[p] X[p] times the product of the others at that place.
 * max, min: the gradient goes to those that equal the winner; ties share it evenly, as PyTorch's scatter_reduce does.
 */
export function scatterGradient(context: GradientContext, { put, read }: Places): (Value | undefined)[] {
  const { emit, needs } = context
  const [dy] = context.gradients
  const [y] = context.outputs
  if (!dy || !y) return []
  const [x, updates] = [required(context, 0), required(context, 2)]
  const reduction = context.attributes.string('reduction', 'none')
  if (reduction === 'none' || reduction === 'add') {
    const dx = () => (reduction === 'none' ? put(dy, filled(emit, 0, updates), 'none') : dy)
    return [needs[0] ? dx() : undefined, undefined, needs[2] ? read(dy) : undefined]
  }
  if (reduction === 'mul') {
    return [
      needs[0] ? mul(emit, dy, put(filled(emit, 1, x), updates, 'mul')) : undefined,
      undefined,
      needs[2] ? factorGradient(emit, { x, updates, dy }, { put, read }) : undefined,
    ]
  }
  if (reduction !== 'max' && reduction !== 'min')
    throw new ModelError('attribute-value', `${nodeLabel(context)}: "${reduction}" is no reduction of ONNX.`)
  const wins = (value: Value, winner: Value) => indicator(emit, emit.op('Equal', [value, winner]), dy)
  const [kept, placed] = [wins(x, y), wins(updates, read(y))]
  const share = div(emit, dy, maximum(emit, put(kept, placed, 'add')))
  return [mul(emit, share, kept), undefined, needs[2] ? mul(emit, read(share), placed) : undefined]
}

/** At least 1, so that a place where nothing equals the winner (NaN) is not divided by zero. */
const maximum = (emit: Emitter, count: Value): Value => emit.op('Clip', [count, scalar(emit, 1, count)])

/** As for ReduceProd: with zeros replaced by ones the others' product is P / u, and zero where a zero is among them. */
function factorGradient(
  emit: Emitter,
  { x, updates, dy }: { x: Value; updates: Value; dy: Value },
  { put, read }: Places,
): Value {
  const zeros = indicator(emit, emit.op('Equal', [updates, scalar(emit, 0, updates)]), updates)
  const safe = add(emit, updates, zeros)
  const product = put(x, safe, 'mul')
  const count = put(filled(emit, 0, x), zeros, 'add')
  const only = indicator(emit, emit.op('Equal', [zeros, read(count)]), updates)
  return mul(emit, div(emit, read(mul(emit, dy, product)), safe), only)
}

function elementsShape(context: ShapeContext): TensorType[] {
  const data = required(context, 0)
  const indices = required(context, 1)
  positiveAxis(context, context.attributes.int('axis', 0), data.dims.length)
  if (!sameDims(indices.dims, required(context, 2).dims) || indices.dims.length !== data.dims.length)
    throw shapeError(context, 'indices and updates must be of one shape, and of the rank of the data.')
  return [{ type: data.type, dims: data.dims }]
}

export const scatterCase = (dims: readonly number[], values: readonly number[]) => ({
  dims,
  type: 'int64' as const,
  values,
})

export const withReductions = (cases: readonly OpCase[]): OpCase[] =>
  ['none', 'add', 'mul', 'max', 'min'].flatMap((reduction) =>
    cases.map((item) => ({
      ...item,
      name: `${item.name}, ${reduction}`,
      attributes: { ...item.attributes, ...(reduction === 'none' ? {} : { reduction }) },
    })),
  )

/** Values apart from each other, so that a maximum has one winner. */
export const apart = (dims: readonly number[], offset = 0, type: 'float32' | 'float64' = 'float32') => ({
  dims,
  type,
  values: Array.from(
    { length: sizeOf(dims) },
    (_, index) => ((index * 7 + offset) % 11) / 4 - 1.2 + offset / 10,
  ),
})

/**
 * Y = X with updates put at the indices along an axis, or combined with what is there. Where indices repeat without a
 * reduction, the specification leaves the result open.
 */
export const ScatterElements = defineOp('ScatterElements', {
  shape: elementsShape,
  gradient: (context) => {
    const { emit } = context
    const indices = required(context, 1)
    const axis = context.attributes.int('axis', 0)
    return scatterGradient(context, {
      put: (data, updates, reduction) =>
        emit.op('ScatterElements', [data, indices, updates], { axis, reduction }),
      read: (from) => emit.op('GatherElements', [from, indices], { axis }),
    })
  },
  rows: ({ carries, attributes, inputs: [data, indices] }) => {
    const axis = attributes.int('axis', 0)
    const along = isFirstAxis(axis, data)
    return !along && carries.slice(0, 3).every(Boolean) && indices?.dims[0] === data?.dims[0]
  },
  cases: [
    ...withReductions([
      { name: 'first axis', inputs: [apart([3, 2]), scatterCase([2, 2], [0, 2, 1, 0]), apart([2, 2], 3)] },
      {
        name: 'last axis',
        inputs: [apart([2, 4]), scatterCase([2, 2], [0, 3, 1, -1]), apart([2, 2], 5)],
        attributes: { axis: 1 },
      },
      {
        name: 'negative axis, float64',
        inputs: [apart([2, 3], 0, 'float64'), scatterCase([2, 1], [0, 2]), apart([2, 1], 2, 'float64')],
        attributes: { axis: -1 },
      },
      { name: 'no updates', inputs: [apart([2, 3]), scatterCase([0, 3], []), { dims: [0, 3] }] },
    ]),
    ...['add', 'mul', 'max', 'min'].map((reduction) => ({
      name: `repeated indices, ${reduction}`,
      inputs: [apart([2, 3]), scatterCase([2, 3], [0, 0, 2, 1, 1, 1]), apart([2, 3], 4)],
      attributes: { axis: 1, reduction },
    })),
    ...['add', 'mul'].map((reduction) => ({
      name: `zeros among the updates, ${reduction}`,
      inputs: [apart([4]), scatterCase([5], [0, 0, 2, 2, 3]), { dims: [5], values: [0, 2, 0, 0, -1] }],
      attributes: { reduction },
    })),
    {
      name: 'int32 indices, integers',
      inputs: [
        { dims: [4], type: 'int64', range: [0, 9], constant: false },
        { dims: [2], type: 'int32', values: [3, -4] },
        { dims: [2], type: 'int64', range: [0, 9], constant: false },
      ],
    },
    {
      name: 'added, opset 16',
      inputs: [apart([3]), scatterCase([2], [1, 1]), apart([2], 3)],
      attributes: { reduction: 'add' },
      opset: 16,
    },
    { name: 'opset 11', inputs: [apart([3]), scatterCase([2], [1, -1]), apart([2], 3)], opset: 11 },
  ],
})
