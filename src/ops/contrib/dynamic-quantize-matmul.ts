import { add, type CompositeContext, defineComposite, refusal, type Value } from '../core/index.ts'

/** One op, whose gradient passes the rounding, and the bias. */
function product(context: CompositeContext): Value[] {
  const { emit, inputs } = context
  const [, weight, scale, zeroPoint, bias] = inputs
  if ([weight, scale, zeroPoint].some((input) => input && !input.constant)) {
    throw refusal(
      context,
      'its weight, scale or zero point is computed at run time, and no gradient passes whole numbers. Train the model that this one was quantised from, and quantise it again.',
    )
  }
  const sum = emit.op('DynamicQuantizeMatMul', inputs.slice(0, 4))
  return [bias ? add(emit, sum, bias) : sum]
}

const scales = (dims: readonly number[]) => ({ dims, range: [0.001, 0.01], constant: true }) as const

/** A product with weights in 8 bits, which rounds what it multiplies them with; it stays what it is, and gradients pass to its input. */
export const DynamicQuantizeMatMul = defineComposite('com.microsoft', 'DynamicQuantizeMatMul', {
  expand: product,
  cases: [
    {
      name: 'one scale',
      inputs: [{ dims: [2, 8] }, { dims: [8, 3], type: 'int8', range: [-60, 60] }, scales([])],
      skip: [0],
    },
    {
      name: 'a scale and a zero point a column, bias',
      inputs: [
        { dims: [2, 3, 8] },
        { dims: [8, 4], type: 'uint8', range: [0, 120] },
        scales([4]),
        { dims: [4], type: 'uint8', range: [40, 80] },
        { dims: [4] },
      ],
      skip: [0],
    },
  ],
})
