import { sizeOf } from '../../tensor/tensor.ts'
import { type CaseInput, defineOp, type ShapeContext, shapeError } from '../core/index.ts'
import { productDims } from './matmul.ts'

/** One zero point for all, or one for each row of the left or column of the right. */
function checkZeroPoint(context: ShapeContext, index: 2 | 3): void {
  const zeroPoint = context.inputs[index]
  const whole = context.inputs[index - 2]
  const axis = index === 2 ? -2 : -1
  if (!zeroPoint || sizeOf(zeroPoint.dims) === 1) return
  const count = whole?.dims.at(axis)
  if (zeroPoint.dims.length !== 1 || zeroPoint.dims[0] !== count)
    throw shapeError(context, `zero points [${zeroPoint.dims}] fit neither all nor [${count}].`)
}

const bytes = (dims: readonly number[], type: 'int8' | 'uint8' = 'uint8'): CaseInput => ({
  ...{ dims, type, constant: false },
  range: type === 'int8' ? [-60, 60] : [0, 120],
})

/** (A - a) (B - b) in whole numbers: no gradient passes. {@link DynamicQuantizeMatMul} has one for the form that trains. */
export const MatMulInteger = defineOp('MatMulInteger', {
  shape: (context) => {
    checkZeroPoint(context, 2)
    checkZeroPoint(context, 3)
    return [{ type: 'int32', dims: productDims(context) }]
  },
  gradient: null,
  cases: [
    { name: 'no zero points', inputs: [bytes([2, 3]), bytes([3, 4])] },
    {
      name: 'zero points, a stack',
      inputs: [bytes([2, 3, 4]), bytes([4, 2], 'int8'), bytes([]), bytes([], 'int8')],
    },
    {
      name: 'a zero point a column',
      inputs: [bytes([2, 3]), bytes([3, 4]), bytes([]), bytes([4])],
    },
  ],
})
