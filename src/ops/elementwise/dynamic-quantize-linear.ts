import { UnsupportedOpError } from '../../errors.ts'
import { defineOp, nodeLabel, required } from '../core/index.ts'

/**
 * Numbers as the nearest of 256 steps between the least and the greatest of them, 0 among these; the step; and which one 0 is. A gradient
 * passes the rounding in {@link DynamicQuantizeMatMul} alone, which knows what the numbers are for.
 */
export const DynamicQuantizeLinear = defineOp('DynamicQuantizeLinear', {
  shape: (context) => [
    { type: 'uint8', dims: required(context, 0).dims },
    { type: 'float32', dims: [] },
    { type: 'uint8', dims: [] },
  ],
  gradient: (context) => {
    throw new UnsupportedOpError(
      'not-differentiable',
      `${nodeLabel(context)}: a gradient has to pass here, and it passes this rounding only on the way to products with constant weights (MatMulInteger, Cast and Mul behind it, as quantize_dynamic writes them). Freeze the parameters before it, or train the model that this one was quantised from.`,
    )
  },
  cases: [
    { name: 'numbers of both signs', inputs: [{ dims: [2, 3] }], outputs: 3, skip: [0] },
    { name: 'positive', inputs: [{ dims: [4], range: [1, 2] }], outputs: 3, skip: [0] },
  ],
})
