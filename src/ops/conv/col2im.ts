import { sizeOf } from '../../tensor/tensor.ts'
import {
  constantInts,
  defineOp,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  shapeError,
} from '../core/index.ts'
import { windowSlices } from './unfold.ts'
import { outputSizes, type WindowAxis, windowAxes } from './windows.ts'

/** The windows that the image was cut into, and its dims. */
function columnsOf(anyContext: Omit<ShapeContext, 'outputs'>): {
  axes: WindowAxis[]
  dims: readonly [batch: number, channels: number, ...image: number[]]
} {
  const context: ShapeContext = { ...anyContext, outputs: 1 }
  const x = required(context, 0)
  const [batch, rows, count] = x.dims
  const image = constantInts(context, 1)
  const block = constantInts(context, 2)
  if (x.dims.length !== 3 || batch === undefined || rows === undefined || block.length !== image.length)
    throw shapeError(
      context,
      'needs dims [batch, channels * block, blocks] and a block of the rank of the image.',
    )
  const axes = windowAxes(context, image, block)
  if (count !== sizeOf(outputSizes(axes)) || rows % sizeOf(block) !== 0) {
    throw shapeError(
      context,
      `blocks of [${block}] in an image of [${image}] are ${sizeOf(outputSizes(axes))}, each of a multiple of ${sizeOf(block)} numbers.`,
    )
  }
  return { axes, dims: [batch, rows / sizeOf(block), ...image] }
}

const list = (values: readonly number[]) => ({ dims: [values.length], type: 'int64' as const, values })

/**
 * Adds columns back into the image that they were cut from (PyTorch's fold): the gradient cuts dy into columns. ONNX
 * Runtime's CPU has it in float32.
 */
export const Col2Im = defineOp('Col2Im', {
  shape: (context) => [{ type: required(context, 0).type, dims: columnsOf(context).dims }],
  gradient: (context) => {
    const { emit } = context
    const x = required(context, 0)
    const [dy] = context.gradients
    if (!dy) return []
    const { axes, dims } = columnsOf(context)
    const [batch, channels] = dims
    const flat = [batch, channels, 1, sizeOf(outputSizes(axes))]
    const columns = windowSlices(emit, dy, axes).map((slice) => reshape(emit, slice, flat))
    return [reshape(emit, emit.op('Concat', columns, { axis: 2 }), x.dims)]
  },
  rows: rowsFirst,
  cases: [
    {
      name: 'blocks side by side',
      inputs: [{ dims: [2, 8, 6] }, list([4, 6]), list([2, 2])],
      attributes: { strides: [2, 2] },
    },
    { name: 'overlapping', inputs: [{ dims: [2, 6, 12] }, list([4, 6]), list([2, 3])], attributes: {} },
    {
      name: 'pads',
      inputs: [{ dims: [1, 9, 20] }, list([4, 5]), list([3, 3])],
      attributes: { pads: [1, 1, 1, 1] },
    },
    {
      name: 'asymmetric pads and strides',
      inputs: [{ dims: [1, 4, 6] }, list([4, 5]), list([2, 2])],
      attributes: { pads: [1, 0, 0, 1], strides: [2, 2] },
    },
    {
      name: 'dilations',
      inputs: [{ dims: [1, 8, 12] }, list([5, 6]), list([2, 2])],
      attributes: { dilations: [2, 2] },
    },
    { name: 'three spatial dims', inputs: [{ dims: [1, 8, 8] }, list([3, 3, 3]), list([2, 2, 2])] },
  ],
})
