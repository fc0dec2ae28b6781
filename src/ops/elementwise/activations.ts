import { float } from '../../onnx/graph.ts'
import {
  add,
  cast,
  defineOp,
  type Emitter,
  indicator,
  isFirstAxis,
  mul,
  type OpCase,
  sameAsFirst,
  scalar,
  scale,
  square,
  sub,
  type Value,
} from '../core/index.ts'
import { axisCases, oneAxisFromMany } from '../reduce/index.ts'
import { elementwise, smallest } from './unary.ts'

/**
 * 1 where x > 0, else 0, in x's type. Microseconds for dy times this, one thread, [128,400] and [64,64,32,32] (shared
 * machine, best of many): HardSigmoid 11.6 and 2441; Cast of Greater 12.5 and 2776; Sign 16.9 and 4753 (x >= 0 only);
 * Clip of x times 1e38 12.6 and 4166; Where(x > 0, dy, 0) 23.3 and 4209; a single Mul 10.1 and 2129.
 *
 * HardSigmoid is min(max(alpha x, 0), 1): with alpha near the largest float32 it is 1 for every normal number. Only
 * float32 has that kernel and that range.
 */
const positive = (emit: Emitter, x: Value): Value =>
  x.type === 'float32'
    ? emit.op('HardSigmoid', [x], { alpha: float(3e38), beta: float(0) })
    : indicator(emit, emit.op('Greater', [x, scalar(emit, 0, x)]), x)

/** min(x, 0) */
export const negativePart = (emit: Emitter, x: Value): Value =>
  emit.op('Clip', [x, undefined, scalar(emit, 0, x)])

export const isPositive = (emit: Emitter, x: Value): Value => emit.op('Greater', [x, scalar(emit, 0, x)])

/** Both sides of zero, none within a difference's step of it. */
export const kinked = (attributes?: OpCase['attributes'], name = 'float32'): OpCase => ({
  name,
  inputs: [{ dims: [2, 3, 2], distinct: true, range: [-2, 2] }],
  ...(attributes ? { attributes } : {}),
})

/** y = max(x, 0): dx = dy where y > 0. */
export const Relu = defineOp(
  'Relu',
  elementwise({
    derivative: ({ emit }, _x, y, dy) => mul(emit, dy, positive(emit, y)),
    apply: (x) => Math.max(x, 0),
    cases: [
      ...smallest(),
      kinked(),
      { name: 'float64', inputs: [{ dims: [2, 3], type: 'float64', distinct: true }] },
      { name: 'int32', inputs: [{ dims: [2, 3], type: 'int32', range: [-3, 4], constant: false }] },
    ],
  }),
)

/** y = x where x > 0, else alpha x (default 0.01): dx = dy, or alpha dy. */
export const LeakyRelu = defineOp(
  'LeakyRelu',
  elementwise({
    derivative: ({ emit, attributes }, x, _y, dy) => {
      const alpha = attributes.float('alpha', 0.01)
      const side = positive(emit, x)
      const slope =
        alpha >= 0 && alpha <= 1
          ? emit.op('Clip', [side, scalar(emit, alpha, x)])
          : add(emit, scale(emit, side, 1 - alpha), scalar(emit, alpha, x))
      return mul(emit, dy, slope)
    },
    cases: [
      ...smallest(),
      kinked(),
      kinked({ alpha: float(0.3) }, 'alpha 0.3'),
      kinked({ alpha: float(-0.5) }, 'negative alpha'),
      kinked({ alpha: float(1.5) }, 'alpha above 1'),
      kinked({ alpha: float(0) }, 'alpha 0'),
    ],
  }),
)

/** y = x where x > 0, else alpha (e^x - 1) (default 1): dx = dy, or dy (y + alpha). */
export const Elu = defineOp(
  'Elu',
  elementwise({
    derivative: ({ emit, attributes }, x, y, dy) => {
      const alpha = scalar(emit, attributes.float('alpha', 1), y)
      if (attributes.float('alpha', 1) === 1) return mul(emit, dy, add(emit, negativePart(emit, y), alpha))
      return emit.op('Where', [isPositive(emit, x), dy, mul(emit, dy, add(emit, y, alpha))])
    },
    cases: [
      ...smallest(),
      kinked(),
      kinked({ alpha: float(0.5) }, 'alpha 0.5'),
      kinked({ alpha: float(-0.5) }, 'negative alpha'),
    ],
  }),
)

/** y = gamma x where x > 0, else gamma alpha (e^x - 1): dx = gamma dy, or dy (y + gamma alpha). */
export const Selu = defineOp(
  'Selu',
  elementwise({
    derivative: ({ emit, attributes }, x, y, dy) => {
      const alpha = attributes.float('alpha', 1.6732631921768188)
      const gamma = attributes.float('gamma', 1.0507010221481323)
      const below = add(emit, y, scalar(emit, gamma * alpha, y))
      return mul(emit, dy, emit.op('Where', [isPositive(emit, x), scalar(emit, gamma, y), below]))
    },
    cases: [...smallest(), kinked(), kinked({ alpha: float(1.2), gamma: float(0.8) }, 'own alpha and gamma')],
  }),
)

/** y = max(x, 0) + min(alpha (e^(x/alpha) - 1), 0) (default 1): dx = dy (1 + min(y, 0) / alpha). */
export const Celu = defineOp(
  'Celu',
  elementwise({
    derivative: ({ emit, attributes }, _x, y, dy) => {
      const below = scale(emit, negativePart(emit, y), 1 / attributes.float('alpha', 1))
      return mul(emit, dy, add(emit, below, scalar(emit, 1, y)))
    },
    cases: [
      ...smallest(),
      kinked(),
      kinked({ alpha: float(2) }, 'alpha 2'),
      kinked({ alpha: float(0.5) }, 'alpha 0.5'),
    ],
  }),
)

/** y = min(max(alpha x + beta, 0), 1) (defaults 0.2 and 0.5): dx = alpha dy where 0 < y < 1, that is y - y^2 > 0. */
export const HardSigmoid = defineOp(
  'HardSigmoid',
  elementwise({
    derivative: ({ emit, attributes }, _x, y, dy) =>
      mul(
        emit,
        scale(emit, dy, attributes.float('alpha', 0.2)),
        positive(emit, sub(emit, y, square(emit, y))),
      ),
    cases: [
      ...smallest(),
      { name: 'defaults', inputs: [{ dims: [6], values: [-4, -2.2, -0.3, 0.4, 2.3, 3.1] }] },
      {
        name: 'own alpha and beta',
        inputs: [{ dims: [2, 3], values: [-1.4, -0.8, -0.2, 0.1, 0.5, 2] }],
        attributes: { alpha: float(0.5), beta: float(0.6) },
      },
    ],
  }),
)

/** y = x min(max(x/6 + 1/2, 0), 1): dx = dy (x/3 + 1/2) where |x| < 3, dy above, 0 below. */
export const HardSwish = defineOp(
  'HardSwish',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => {
      const inside = emit.op('Less', [emit.op('Abs', [x]), scalar(emit, 3, x)])
      const slope = add(emit, scale(emit, x, 1 / 3), scalar(emit, 0.5, x))
      return mul(emit, dy, emit.op('Where', [inside, slope, positive(emit, x)]))
    },
    cases: [
      ...smallest(),
      { name: 'float32', inputs: [{ dims: [2, 3], values: [-4, -2.2, -0.3, 0.4, 2.3, 3.5] }] },
    ],
  }),
)

/** y = x where x > alpha, else 0 (default 1): dx = dy there. */
export const ThresholdedRelu = defineOp(
  'ThresholdedRelu',
  elementwise({
    derivative: ({ emit, attributes }, x, y, dy) => {
      const alpha = attributes.float('alpha', 1)
      const passes = () => cast(emit, emit.op('Greater', [x, scalar(emit, alpha, x)]), dy.type)
      return mul(emit, dy, alpha >= 0 ? positive(emit, y) : passes())
    },
    cases: [
      ...smallest(),
      kinked(),
      kinked({ alpha: float(0) }, 'alpha 0'),
      {
        name: 'negative alpha',
        inputs: [{ dims: [4], values: [-1.5, -0.8, 0.4, 2] }],
        attributes: { alpha: float(-1) },
      },
    ],
  }),
)

/** 1 at the first largest element along `axis`, 0 elsewhere: nothing to differentiate. */
export const Hardmax = defineOp('Hardmax', {
  shape: sameAsFirst,
  gradient: null,
  rows: ({ inputs, carries, attributes }) => {
    const axis = attributes.int('axis', -1)
    return carries[0] === true && !isFirstAxis(axis, inputs[0])
  },
  upgrade: oneAxisFromMany,
  cases: axisCases,
})
