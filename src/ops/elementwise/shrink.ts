import { float } from '../../onnx/graph.ts'
import { defineOp, indicator, mul, scalar } from '../core/index.ts'
import { elementwise, smallest } from './unary.ts'

const spread = { dims: [2, 3, 2], distinct: true, range: [-3, 3] as const }

/** y = x + bias where x < -lambd, x - bias where x > lambd, else 0 (defaults 0 and 0.5): dx = dy outside. */
export const Shrink = defineOp(
  'Shrink',
  elementwise({
    derivative: ({ emit, attributes }, x, _y, dy) => {
      const bound = scalar(emit, attributes.float('lambd', 0.5), x)
      return mul(emit, dy, indicator(emit, emit.op('Greater', [emit.op('Abs', [x]), bound]), dy))
    },
    cases: [
      ...smallest(),
      { name: 'defaults', inputs: [spread] },
      { name: 'soft', inputs: [spread], attributes: { lambd: float(0.4), bias: float(0.4) } },
      { name: 'bias alone', inputs: [spread], attributes: { lambd: float(0.9), bias: float(-0.3) } },
      { name: 'float64', inputs: [{ ...spread, type: 'float64' }], attributes: { lambd: float(1) } },
    ],
  }),
)
