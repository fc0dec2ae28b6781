import { float } from '../../onnx/graph.ts'
import {
  add,
  defineOp,
  type Emitter,
  mul,
  neg,
  scalar,
  scale,
  square,
  sub,
  type Value,
} from '../core/index.ts'
import { kinked } from './activations.ts'
import { bothFloats, elementwise, ranks, smallest } from './unary.ts'

/** y = 1 / (1 + e^-x): dx = dy y (1 - y) */
export const Sigmoid = defineOp(
  'Sigmoid',
  elementwise({
    derivative: ({ emit }, _x, y, dy) => mul(emit, dy, mul(emit, y, sub(emit, scalar(emit, 1, y), y))),
    apply: (x) => 1 / (1 + Math.exp(-x)),
    cases: bothFloats([-3, 3]),
  }),
)

/** y = tanh x: dx = dy (1 - y^2) */
export const Tanh = defineOp(
  'Tanh',
  elementwise({
    derivative: ({ emit }, _x, y, dy) => mul(emit, dy, sub(emit, scalar(emit, 1, y), square(emit, y))),
    apply: Math.tanh,
    cases: bothFloats([-2, 2]),
  }),
)

/** y = ln(1 + e^x): dx = dy sigmoid x */
export const Softplus = defineOp(
  'Softplus',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => mul(emit, dy, emit.op('Sigmoid', [x])),
    cases: ranks([-3, 3]),
  }),
)

/** y = x / (1 + |x|): dx = dy (1 - |y|)^2 */
export const Softsign = defineOp(
  'Softsign',
  elementwise({
    derivative: ({ emit }, _x, y, dy) =>
      mul(emit, dy, square(emit, sub(emit, scalar(emit, 1, y), emit.op('Abs', [y])))),
    cases: [...smallest(), kinked()],
  }),
)

/** Phi from erf(x / sqrt 2): (1 + erf) / 2, which HardSigmoid does in one pass. Only float32 has that kernel. */
const fromErf = (emit: Emitter, erf: Value): Value =>
  erf.type === 'float32'
    ? emit.op('HardSigmoid', [erf], { alpha: float(0.5), beta: float(0.5) })
    : add(emit, scale(emit, erf, 0.5), scalar(emit, 0.5, erf))

/**
 * y = x Phi(x): dy/dx = Phi(x) + x e^(-x^2/2) / sqrt(2 pi). With u = x / sqrt 2 for both parts, and the factor in the exponent,
 * it takes eight passes over memory.
 */
function exactGeluSlope(emit: Emitter, x: Value): Value {
  const u = scale(emit, x, Math.SQRT1_2)
  const bell = emit.op('Exp', [sub(emit, scalar(emit, -Math.log(2 * Math.PI) / 2, x), square(emit, u))])
  return add(emit, fromErf(emit, emit.op('Erf', [u])), mul(emit, x, bell))
}

/**
 * y = x (1 + t) / 2, t = tanh(c (x + a x^3)), c = sqrt(2 / pi), a = 0.044715:
 * dy/dx = (1 + t + x (1 - t^2) c (1 + 3 a x^2)) / 2.
 */
function tanhGeluSlope(emit: Emitter, x: Value): Value {
  const one = scalar(emit, 1, x)
  const c = Math.sqrt(2 / Math.PI)
  const cubic = 0.044715
  const x2 = square(emit, x)
  const inner = mul(emit, x, add(emit, scale(emit, x2, c * cubic), scalar(emit, c, x)))
  const t = emit.op('Tanh', [inner])
  const innerSlope = add(emit, scale(emit, x2, 3 * c * cubic), scalar(emit, c, x))
  const rest = mul(emit, mul(emit, x, innerSlope), sub(emit, one, square(emit, t)))
  return scale(emit, add(emit, add(emit, t, one), rest), 0.5)
}

export const Gelu = defineOp(
  'Gelu',
  elementwise({
    derivative: ({ emit, attributes }, x, _y, dy) =>
      mul(
        emit,
        dy,
        attributes.string('approximate', 'none') === 'tanh'
          ? tanhGeluSlope(emit, x)
          : exactGeluSlope(emit, x),
      ),
    cases: [
      ...ranks([-3, 3]),
      ...ranks([-3, 3]).map((item) => ({
        ...item,
        name: `tanh, ${item.name}`,
        attributes: { approximate: 'tanh' },
      })),
      { name: 'named none', inputs: [{ dims: [3] }], attributes: { approximate: 'none' } },
    ],
  }),
)

/**
 * y = x tanh(softplus x): with t = tanh(softplus x) = tanh(-ln sigmoid(-x)),
 * dx = dy (t + x sigmoid(x) (1 - t^2)).
 */
export const Mish = defineOp(
  'Mish',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => {
      const softplus = neg(emit, emit.op('Log', [emit.op('Sigmoid', [neg(emit, x)])]))
      const t = emit.op('Tanh', [softplus])
      const rest = sub(emit, scalar(emit, 1, x), square(emit, t))
      const slope = add(emit, t, mul(emit, mul(emit, x, emit.op('Sigmoid', [x])), rest))
      return mul(emit, dy, slope)
    },
    cases: ranks([-3, 3]),
  }),
)
