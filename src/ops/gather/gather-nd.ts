import { itemAt } from '../../required.ts'
import { sameDims, sizeOf, type TensorType } from '../../tensor/tensor.ts'
import {
  defineOp,
  dimOf,
  eachPosition,
  filled,
  type GradientContext,
  ints,
  required,
  reshape,
  type ShapeContext,
  shapeError,
  type Value,
} from '../core/index.ts'

function gatherShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const indices = required(context, 1)
  const batch = context.attributes.int('batch_dims', 0)
  const depth = dimOf(indices, -1)
  if (!sameDims(x.dims.slice(0, batch), indices.dims.slice(0, batch)) || batch + depth > x.dims.length)
    throw shapeError(context, `indices do not fit the data with ${batch} batch dims.`)
  return [{ type: x.type, dims: [...indices.dims.slice(0, -1), ...x.dims.slice(batch + depth)] }]
}

/** The tuples with the batch's own place in front, so that no batch dims are left. */
function fullTuples(context: GradientContext, batch: number): Value {
  const { emit } = context
  const indices = required(context, 1)
  if (batch === 0) return indices
  const dims = [...indices.dims.slice(0, -1), batch]
  const places: number[] = []
  eachPosition(dims, (at) => places.push(itemAt(at, itemAt(at, at.length - 1, 'axis'), 'axis')))
  return emit.op('Concat', [reshape(emit, ints(emit, places), dims), indices], { axis: dims.length - 1 })
}

const list = (dims: readonly number[], values: readonly number[]) => ({
  dims,
  type: 'int64' as const,
  values,
})

/** Slices of X where tuples of indices say. dX adds up what came from each slice. */
export const GatherND = defineOp('GatherND', {
  shape: gatherShape,
  gradient: (context) => {
    const { emit } = context
    const x = required(context, 0)
    const [dy] = context.gradients
    if (!dy) return []
    if (sizeOf(dy.dims) === 0) return [filled(emit, 0, x)]
    const tuples = fullTuples(context, context.attributes.int('batch_dims', 0))
    return [emit.op('ScatterND', [filled(emit, 0, x), tuples, dy], { reduction: 'add' })]
  },
  rows: ({ carries, attributes, inputs: [, indices] }) =>
    carries[0] === true &&
    (carries[1] === true || indices?.constant !== undefined) &&
    attributes.int('batch_dims', 0) > 0,
  cases: [
    { name: 'elements', inputs: [{ dims: [2, 3] }, list([2, 2], [0, 1, 1, -1])] },
    { name: 'rows', inputs: [{ dims: [3, 2] }, list([3, 1], [2, 0, 2])] },
    { name: 'a grid of rows', inputs: [{ dims: [3, 2] }, list([2, 2, 1], [2, 0, 2, 1])] },
    { name: 'a batch', inputs: [{ dims: [2, 3, 2] }, list([2, 1], [1, 0])], attributes: { batch_dims: 1 } },
    {
      name: 'a batch of grids, repeated',
      inputs: [{ dims: [2, 3, 2] }, list([2, 2, 1], [1, 1, 0, 2])],
      attributes: { batch_dims: 1 },
    },
    {
      name: 'two batch dims',
      inputs: [{ dims: [2, 2, 3] }, list([2, 2, 1], [1, 0, 2, 2])],
      attributes: { batch_dims: 2 },
    },
    { name: 'float64', inputs: [{ dims: [3, 2], type: 'float64' }, list([2, 1], [2, 2])] },
    { name: 'one tuple', inputs: [{ dims: [2, 3] }, list([2], [-1, -2])] },
    {
      name: 'negative indices in a batch',
      inputs: [{ dims: [2, 2, 3] }, list([2, 1, 2], [-1, 0, 0, -3])],
      attributes: { batch_dims: 1 },
    },
    { name: 'none', inputs: [{ dims: [2, 3] }, list([0, 1], [])] },
    { name: 'opset 11', inputs: [{ dims: [3, 2] }, list([2, 1], [0, 2])], opset: 11 },
  ],
})
