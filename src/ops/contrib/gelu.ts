import { defineComposite } from '../composite.ts'
import { mul, scale } from '../emit.ts'
import { required } from '../shapes.ts'

/** x sigmoid(alpha x). */
export const QuickGelu = defineComposite('com.microsoft', 'QuickGelu', {
  expand: (context) => {
    const { emit } = context
    const x = required(context, 0)
    const alpha = context.attributes.float('alpha', 1.702)
    return [mul(emit, x, emit.op('Sigmoid', [scale(emit, x, alpha)]))]
  },
  cases: [{ name: 'plain', inputs: [{ dims: [2, 3], range: [-2, 2] }] }],
})
