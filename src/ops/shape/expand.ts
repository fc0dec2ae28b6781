import { itemAt } from '../../required.ts'
import type { TensorType } from '../../tensor/tensor.ts'
import {
  broadcastDims,
  constantInts,
  defineOp,
  dimOf,
  foldPicking,
  reduceSum,
  required,
  reshape,
  type ShapeContext,
  shapeError,
  stridesOf,
} from '../core/index.ts'

const int64Input = (values: readonly number[]) => ({ dims: [values.length], type: 'int64' as const, values })

function expandShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  return [{ type: x.type, dims: broadcastDims(context, x.dims, constantInts(context, 1)) }]
}

/** Broadcasts to the given shape; the walker sums the gradient back down. */
export const Expand = defineOp('Expand', {
  shape: expandShape,
  gradient: ({ gradients: [dy] }) => [dy],
  rows: ({ inputs: [x], outputs: [y], carries }) =>
    carries[0] === true && x?.dims.length === y?.dims.length && x?.dims[0] === y?.dims[0],
  fold: foldPicking(expandShape, (_, source) => {
    const strides = stridesOf(source.dims)
    // An axis of size 1 stands still: every position along it reads the same element.
    const steps = source.dims.map((dim, axis) => (dim === 1 ? 0 : itemAt(strides, axis, 'stride')))
    return (at) => {
      const lead = at.length - steps.length
      return steps.reduce((sum, step, axis) => sum + step * itemAt(at, axis + lead, 'axis'), 0)
    }
  }),
  cases: [
    { name: 'more axes', inputs: [{ dims: [3, 1] }, int64Input([2, 3, 4])] },
    { name: 'shape broadcast too', inputs: [{ dims: [3, 4] }, int64Input([2, 1, 1])] },
    { name: 'scalar', inputs: [{ dims: [] }, int64Input([2, 3])] },
    { name: 'nothing to do', inputs: [{ dims: [2, 3] }, int64Input([1])] },
    { name: 'scalar to a scalar', inputs: [{ dims: [] }, int64Input([])] },
    { name: 'to nothing', inputs: [{ dims: [3, 1] }, int64Input([3, 0])] },
    { name: 'both ways', inputs: [{ dims: [2, 1] }, int64Input([1, 3])] },
    { name: 'opset 8', inputs: [{ dims: [2, 1] }, int64Input([2, 2, 3])], opset: 8 },
    { name: 'float64', inputs: [{ dims: [3, 1], type: 'float64' }, int64Input([3, 2])] },
    {
      name: 'folded',
      inputs: [{ dims: [2, 1], type: 'int64', range: [0, 9] }, int64Input([3, 2, 2])],
    },
  ],
})

function tileShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const repeats = constantInts(context, 1)
  if (repeats.length !== x.dims.length)
    throw shapeError(context, `repeats [${repeats}] must have one number an axis.`)
  return [{ type: x.type, dims: x.dims.map((dim, axis) => dim * (repeats[axis] ?? 1)) }]
}

/** Repeats the whole tensor along each axis: the gradient sums over the copies. */
export const Tile = defineOp('Tile', {
  shape: tileShape,
  gradient: (context) => {
    const { emit } = context
    const x = required(context, 0)
    const [y] = context.outputs
    const [dy] = context.gradients
    if (!dy || !y) return []
    // Axis i of size r d, repeat by repeat, is [r, d]: the sum goes over all the r.
    const split = x.dims.flatMap((dim, axis) => [dim === 0 ? 1 : dimOf(y, axis) / dim, dim])
    const axes = split.flatMap((size, axis) => (axis % 2 === 0 && size !== 1 ? [axis] : []))
    return [reshape(emit, reduceSum(emit, reshape(emit, dy, split), axes), x.dims)]
  },
  rows: ({ inputs: [x], outputs: [y], carries }) => carries[0] === true && x?.dims[0] === y?.dims[0],
  fold: foldPicking(tileShape, (_, source) => {
    const strides = stridesOf(source.dims)
    return (at) =>
      source.dims.reduce(
        (sum, dim, axis) => sum + (itemAt(at, axis, 'axis') % dim) * itemAt(strides, axis, 'stride'),
        0,
      )
  }),
  cases: [
    { name: 'one axis', inputs: [{ dims: [2, 3] }, int64Input([1, 2])] },
    { name: 'both axes', inputs: [{ dims: [2, 3] }, int64Input([3, 2])] },
    { name: 'three axes', inputs: [{ dims: [2, 1, 3] }, int64Input([2, 3, 1])] },
    { name: 'nothing to do', inputs: [{ dims: [2, 3] }, int64Input([1, 1])] },
    { name: 'never', inputs: [{ dims: [2, 3] }, int64Input([2, 0])] },
    { name: 'of nothing', inputs: [{ dims: [0, 2] }, int64Input([3, 2])] },
    { name: 'opset 7', inputs: [{ dims: [2, 2] }, int64Input([2, 1])], opset: 7 },
    { name: 'float64', inputs: [{ dims: [2, 3], type: 'float64' }, int64Input([2, 1])] },
    { name: 'folded', inputs: [{ dims: [2], type: 'int64', values: [4, 9] }, int64Input([3])] },
  ],
})
