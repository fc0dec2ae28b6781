import { float } from '../../onnx/graph.ts'
import { defineComposite, mul, required, scale } from '../core/index.ts'

/** Opset 24: x sigmoid(alpha x) (default 1). */
export const Swish = defineComposite('', 'Swish', {
  expand: (context) => {
    const { emit, attributes } = context
    const x = required(context, 0)
    return [mul(emit, x, emit.op('Sigmoid', [scale(emit, x, attributes.float('alpha', 1))]))]
  },
  cases: [
    { name: 'default', inputs: [{ dims: [2, 3], range: [-3, 3] }] },
    { name: 'alpha', inputs: [{ dims: [2, 3], range: [-3, 3] }], attributes: { alpha: float(1.7) } },
  ],
})
