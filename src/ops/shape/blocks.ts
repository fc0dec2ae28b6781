import type { TensorType } from '../../tensor/tensor.ts'
import {
  defineOp,
  type RowsContext,
  required,
  reshape,
  type ShapeContext,
  shapeError,
  transpose,
} from '../core/index.ts'

/** Batch, channels, height, width, and the blocks' side. */
function image(context: Omit<ShapeContext, 'outputs'>) {
  const full: ShapeContext = { ...context, outputs: 1 }
  const { type, dims } = required(full, 0)
  const [batch, channels, height, width] = dims
  const side = context.attributes.int('blocksize', 0)
  if (
    batch === undefined ||
    channels === undefined ||
    height === undefined ||
    width === undefined ||
    side < 1
  )
    throw shapeError(full, 'needs dims [batch, channels, height, width] and a blocksize.')
  return { full, type, batch, channels, height, width, side }
}

const rows = ({ carries }: RowsContext): boolean => carries[0] === true

function depthToSpaceShape(context: ShapeContext): TensorType[] {
  const { full, type, batch, channels, height, width, side } = image(context)
  if (channels % (side * side) !== 0)
    throw shapeError(full, `${channels} channels do not make blocks of ${side} by ${side}.`)
  return [{ type, dims: [batch, channels / (side * side), height * side, width * side] }]
}

/**
 * Channels become blocks of space; with mode DCR a block's place is the slowest part of the channel, with CRD the
 * fastest. A permutation: the gradient goes the other way.
 */
export const DepthToSpace = defineOp('DepthToSpace', {
  shape: depthToSpaceShape,
  gradient: (context) => {
    const { emit } = context
    const [dy] = context.gradients
    if (!dy) return []
    const { batch, channels, height, width, side } = image(context)
    const split = reshape(emit, dy, [batch, channels / (side * side), height, side, width, side])
    const columnsFirst = context.attributes.string('mode', 'DCR') === 'CRD'
    const back = transpose(emit, split, columnsFirst ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4])
    return [reshape(emit, back, [batch, channels, height, width])]
  },
  rows,
  rearranges: true,
  cases: [
    { name: 'DCR', inputs: [{ dims: [2, 8, 2, 3] }], attributes: { blocksize: 2 } },
    { name: 'CRD', inputs: [{ dims: [2, 8, 2, 3] }], attributes: { blocksize: 2, mode: 'CRD' } },
    { name: 'named DCR', inputs: [{ dims: [1, 4, 1, 2] }], attributes: { blocksize: 2, mode: 'DCR' } },
    { name: 'no samples', inputs: [{ dims: [0, 4, 2, 2] }], attributes: { blocksize: 2 } },
    { name: 'blocks of one', inputs: [{ dims: [1, 2, 2, 2] }], attributes: { blocksize: 1 } },
    { name: 'opset 7', inputs: [{ dims: [1, 4, 2, 1] }], attributes: { blocksize: 2 }, opset: 7 },
    {
      name: 'CRD, opset 11',
      inputs: [{ dims: [1, 4, 2, 1] }],
      attributes: { blocksize: 2, mode: 'CRD' },
      opset: 11,
    },
    { name: 'float64', inputs: [{ dims: [1, 9, 1, 2], type: 'float64' }], attributes: { blocksize: 3 } },
  ],
})

function spaceToDepthShape(context: ShapeContext): TensorType[] {
  const { full, type, batch, channels, height, width, side } = image(context)
  if (height % side !== 0 || width % side !== 0)
    throw shapeError(full, `${height} by ${width} is not made of blocks of ${side} by ${side}.`)
  return [{ type, dims: [batch, channels * side * side, height / side, width / side] }]
}

/** Blocks of space become channels; the gradient goes the other way. */
export const SpaceToDepth = defineOp('SpaceToDepth', {
  shape: spaceToDepthShape,
  gradient: (context) => {
    const { emit } = context
    const [dy] = context.gradients
    if (!dy) return []
    const { batch, channels, height, width, side } = image(context)
    const split = reshape(emit, dy, [batch, side, side, channels, height / side, width / side])
    return [reshape(emit, transpose(emit, split, [0, 3, 4, 1, 5, 2]), [batch, channels, height, width])]
  },
  rows,
  rearranges: true,
  cases: [
    { name: 'side 2', inputs: [{ dims: [2, 3, 4, 2] }], attributes: { blocksize: 2 } },
    { name: 'opset 7', inputs: [{ dims: [1, 1, 2, 4] }], attributes: { blocksize: 2 }, opset: 7 },
    {
      name: 'side 3, float64',
      inputs: [{ dims: [1, 2, 3, 6], type: 'float64' }],
      attributes: { blocksize: 3 },
    },
  ],
})
