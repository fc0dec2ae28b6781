import type { TensorType } from '../../tensor/tensor.ts'
import {
  cast,
  defineOp,
  dimOf,
  type Emitter,
  filled,
  ints,
  mul,
  required,
  reshape,
  type ShapeContext,
  shapeError,
  type Value,
} from '../core/index.ts'
import { fromFront, gatherAxis, list } from './gather.ts'

function gatherElementsShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const indices = required(context, 1)
  if (indices.dims.length !== x.dims.length)
    throw shapeError(context, 'data and indices must be of one rank.')
  gatherAxis(context)
  return [{ type: x.type, dims: indices.dims }]
}

/** One index along the axis for each row: dx is dy where the place is the index, without a scatter. */
function oneHotGradient(emit: Emitter, x: Value, indices: Value, dy: Value, axis: number): Value {
  const dim = dimOf(x, axis)
  const places = ints(
    emit,
    Array.from({ length: dim }, (_, index) => index),
  )
  const alongAxis = reshape(
    emit,
    places,
    x.dims.map((_, at) => (at === axis ? dim : 1)),
  )
  const equal = emit.op('Equal', [fromFront(emit, cast(emit, indices, 'int64'), dim), alongAxis])
  return mul(emit, dy, cast(emit, equal, dy.type))
}

/** Single elements of X along an axis: y[i][j] = x[index[i][j]][j] for axis 0. dX adds them up where they came from. */
export const GatherElements = defineOp('GatherElements', {
  shape: gatherElementsShape,
  gradient: (context) => {
    const { emit } = context
    const x = required(context, 0)
    const indices = required(context, 1)
    const [dy] = context.gradients
    if (!dy) return []
    const axis = gatherAxis(context)
    const single = indices.dims.every((dim, at) => (at === axis ? dim === 1 : dim === x.dims[at]))
    if (single) return [oneHotGradient(emit, x, indices, dy, axis)]
    return [emit.op('ScatterElements', [filled(emit, 0, x), indices, dy], { axis, reduction: 'add' })]
  },
  rows: (context) => {
    const [x, indices] = context.inputs
    const axis = gatherAxis({ op: 'GatherElements', name: '', ...context })
    const apart = context.carries[1] === true || indices?.constant !== undefined
    return context.carries[0] === true && apart && axis !== 0 && x?.dims[0] === indices?.dims[0]
  },
  cases: [
    { name: 'first axis', inputs: [{ dims: [3, 2] }, list([4, 2], [0, 2, 1, 1, 0, 0, 2, -1])] },
    { name: 'last axis', inputs: [{ dims: [2, 3] }, list([2, 2], [0, 2, 1, 1])], attributes: { axis: 1 } },
    { name: 'one a row', inputs: [{ dims: [3, 4] }, list([3, 1], [0, -1, 2])], attributes: { axis: -1 } },
    { name: 'one a column', inputs: [{ dims: [3, 2, 2] }, list([1, 2, 2], [0, 2, 1, 1])] },
    {
      name: 'negative axis and indices, three axes',
      inputs: [{ dims: [2, 3, 2] }, list([2, 2, 2], [0, -1, -3, 2, 1, 1, -2, 0])],
      attributes: { axis: -2 },
    },
    { name: 'a vector, more than there is', inputs: [{ dims: [2] }, list([4], [0, 1, 1, -2])] },
    { name: 'none', inputs: [{ dims: [2, 3] }, list([0, 3], [])] },
    { name: 'smaller elsewhere', inputs: [{ dims: [3, 4] }, list([1, 2], [0, 2])] },
    {
      name: 'float64, int32 indices',
      inputs: [
        { dims: [2, 3], type: 'float64' },
        { dims: [2, 2], type: 'int32', values: [0, 2, 1, 1] },
      ],
      attributes: { axis: 1 },
    },
  ],
})
