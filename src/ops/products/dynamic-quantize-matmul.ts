import { sizeOf, type TensorType } from '../../tensor/tensor.ts'
import {
  after,
  cast,
  defineOp,
  type Emitter,
  expand,
  type Formed,
  matmul,
  mul,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  shapeError,
  transpose,
  type Value,
} from '../core/index.ts'
import { productDims } from './matmul.ts'

function productShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const weight = required(context, 1)
  if (x.type !== 'float32' || weight.dims.length !== 2 || !/^u?int8$/.test(weight.type))
    throw shapeError(context, 'float32 is multiplied with a matrix of int8 or uint8.')
  const [, columns = 0] = weight.dims
  const fits = (value: Value | undefined): boolean =>
    !value || sizeOf(value.dims) === 1 || (value.dims.length === 1 && value.dims[0] === columns)
  const [, , scale, zeroPoint] = context.inputs
  if (required(context, 2).type !== 'float32' || (zeroPoint && zeroPoint.type !== weight.type))
    throw shapeError(context, 'scales are float32, and zero points of the type of the weight.')
  if (!fits(scale) || !fits(zeroPoint))
    throw shapeError(context, `scales and zero points are one for all, or [${columns}]: one a column.`)
  return [{ type: 'float32', dims: productDims(context) }]
}

/** The nodes that quantize_dynamic writes. */
function nodesOf(emit: Emitter, { inputs: [x, weight, scale, zeroPoint] }: ShapeContext): Formed | undefined {
  const [whole, step, zero] = emit.ops('DynamicQuantizeLinear', [x], 3)
  if (!step || !scale) return undefined
  const sums = emit.op('MatMulInteger', [whole, weight, zero, zeroPoint])
  return { outputs: [mul(emit, cast(emit, sums, 'float32'), mul(emit, step, scale))] }
}

/** (W - zero point) scale, computed when the gradient is there: the runtime would else make floats of all layers before the first. */
function dequantised(
  emit: Emitter,
  [, weight, scale, zeroPoint]: readonly (Value | undefined)[],
  dy: Value,
): Value | undefined {
  if (!weight || !scale) return undefined
  const count = Math.max(sizeOf(scale.dims), sizeOf(zeroPoint?.dims ?? []))
  const along = (value: Value): Value => expand(emit, reshape(emit, value, [sizeOf(value.dims)]), [count])
  return emit.op('DequantizeLinear', [weight, after(emit, along(scale), dy), zeroPoint && along(zeroPoint)], {
    axis: 1,
  })
}

/**
 * y = x W with x rounded to 256 steps between the least and the greatest of all its numbers, and W kept in whole numbers with scales and
 * zero points, one for all or one a column: dx = dy W^T, straight through the rounding of x (Bengio et al. 2013, arXiv 1308.3432). W does not train.
 */
export const DynamicQuantizeMatMul = defineOp('DynamicQuantizeMatMul', {
  shape: productShape,
  form: nodesOf,
  gradient: ({ emit, inputs, gradients: [dy], needs }) => {
    const weight = dy && needs[0] && dequantised(emit, inputs, dy)
    return weight ? [matmul(emit, dy, transpose(emit, weight, [1, 0]))] : []
  },
  rows: rowsFirst,
  // No difference quotient sees through the rounding: dynamic-quantize-matmul.test.ts has the gradients.
  cases: [
    {
      name: 'one scale',
      inputs: [
        { dims: [2, 3] },
        { dims: [3, 4], type: 'int8', range: [-60, 60] },
        { dims: [], constant: true },
      ],
      skip: [0],
    },
    {
      name: 'a scale and a zero point a column, a stack',
      inputs: [
        { dims: [2, 3, 4] },
        { dims: [4, 2], type: 'uint8', range: [0, 120] },
        { dims: [2], constant: true },
        { dims: [2], type: 'uint8', range: [40, 80] },
      ],
      skip: [0],
    },
  ],
})
