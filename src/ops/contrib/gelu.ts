import { float } from '../../onnx/graph.ts'
import { add, type CompositeContext, defineComposite, mul, required, scale } from '../core/index.ts'

const DOMAIN = 'com.microsoft'

/** x sigmoid(alpha x). */
export const QuickGelu = defineComposite(DOMAIN, 'QuickGelu', {
  expand: (context) => {
    const { emit } = context
    const x = required(context, 0)
    const alpha = context.attributes.float('alpha', 1.702)
    return [mul(emit, x, emit.op('Sigmoid', [scale(emit, x, alpha)]))]
  },
  cases: [
    { name: 'plain', inputs: [{ dims: [2, 3], range: [-2, 2] }] },
    { name: 'alpha', inputs: [{ dims: [2, 3], range: [-2, 2] }], attributes: { alpha: float(1) } },
  ],
})

/** The first input, with the second added where it is there. */
function biased(context: CompositeContext) {
  const x = required(context, 0)
  const bias = context.inputs[1]
  return bias ? add(context.emit, x, bias) : x
}

export const Gelu = defineComposite(DOMAIN, 'Gelu', {
  expand: (context) => [context.emit.op('Gelu', [required(context, 0)])],
  cases: [{ name: 'plain', inputs: [{ dims: [2, 3], range: [-2, 2] }] }],
})

export const BiasGelu = defineComposite(DOMAIN, 'BiasGelu', {
  expand: (context) => [context.emit.op('Gelu', [biased(context)])],
  cases: [{ name: 'plain', inputs: [{ dims: [2, 4], range: [-2, 2] }, { dims: [4] }] }],
})

export const FastGelu = defineComposite(DOMAIN, 'FastGelu', {
  expand: (context) => [context.emit.op('Gelu', [biased(context)], { approximate: 'tanh' })],
  cases: [
    { name: 'plain', inputs: [{ dims: [2, 3], range: [-2, 2] }] },
    { name: 'bias', inputs: [{ dims: [2, 3], range: [-2, 2] }, { dims: [3] }] },
  ],
})

/** x + bias + skip. */
export const BiasAdd = defineComposite(DOMAIN, 'BiasAdd', {
  expand: (context) => [add(context.emit, biased(context), required(context, 2))],
  cases: [
    {
      name: 'plain',
      inputs: [{ dims: [1, 2, 3] }, { dims: [3] }, { dims: [1, 2, 3] }],
      withoutKernel: true,
    },
  ],
})
