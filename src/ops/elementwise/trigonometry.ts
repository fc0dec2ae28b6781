import { add, defineOp, div, mul, neg, scalar, square, sub } from '../core/index.ts'
import { bothFloats, elementwise, ranks } from './unary.ts'

// ONNX Runtime computes Sin and Cos in float32 and float64, the others in float32 only.

/** y = sin x: dx = dy cos x */
export const Sin = defineOp(
  'Sin',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => mul(emit, dy, emit.op('Cos', [x])),
    apply: Math.sin,
    cases: bothFloats([-3, 3]),
  }),
)

/** y = cos x: dx = -dy sin x */
export const Cos = defineOp(
  'Cos',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => neg(emit, mul(emit, dy, emit.op('Sin', [x]))),
    apply: Math.cos,
    cases: bothFloats([-3, 3]),
  }),
)

/** y = tan x: dx = dy (1 + y^2) */
export const Tan = defineOp(
  'Tan',
  elementwise({
    derivative: ({ emit }, _x, y, dy) => mul(emit, dy, add(emit, square(emit, y), scalar(emit, 1, y))),
    apply: Math.tan,
    cases: ranks(),
  }),
)

/** y = arcsin x: dx = dy / sqrt(1 - x^2) */
export const Asin = defineOp(
  'Asin',
  elementwise({
    derivative: ({ emit }, x, _y, dy) =>
      div(emit, dy, emit.op('Sqrt', [sub(emit, scalar(emit, 1, x), square(emit, x))])),
    apply: Math.asin,
    cases: ranks([-0.7, 0.7]),
  }),
)

/** y = arccos x: dx = -dy / sqrt(1 - x^2) */
export const Acos = defineOp(
  'Acos',
  elementwise({
    derivative: ({ emit }, x, _y, dy) =>
      neg(emit, div(emit, dy, emit.op('Sqrt', [sub(emit, scalar(emit, 1, x), square(emit, x))]))),
    apply: Math.acos,
    cases: ranks([-0.7, 0.7]),
  }),
)

/** y = arctan x: dx = dy / (1 + x^2) */
export const Atan = defineOp(
  'Atan',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => div(emit, dy, add(emit, square(emit, x), scalar(emit, 1, x))),
    apply: Math.atan,
    cases: ranks([-2, 2]),
  }),
)

/** y = sinh x: dx = dy cosh x */
export const Sinh = defineOp(
  'Sinh',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => mul(emit, dy, emit.op('Cosh', [x])),
    apply: Math.sinh,
    cases: ranks([-2, 2]),
  }),
)

/** y = cosh x: dx = dy sinh x */
export const Cosh = defineOp(
  'Cosh',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => mul(emit, dy, emit.op('Sinh', [x])),
    apply: Math.cosh,
    cases: ranks([-2, 2]),
  }),
)

/** y = arsinh x: dx = dy / sqrt(x^2 + 1) */
export const Asinh = defineOp(
  'Asinh',
  elementwise({
    derivative: ({ emit }, x, _y, dy) =>
      div(emit, dy, emit.op('Sqrt', [add(emit, square(emit, x), scalar(emit, 1, x))])),
    apply: Math.asinh,
    cases: ranks([-2, 2]),
  }),
)

/** y = arcosh x: dx = dy / sqrt(x^2 - 1) */
export const Acosh = defineOp(
  'Acosh',
  elementwise({
    derivative: ({ emit }, x, _y, dy) =>
      div(emit, dy, emit.op('Sqrt', [sub(emit, square(emit, x), scalar(emit, 1, x))])),
    apply: Math.acosh,
    cases: ranks([1.5, 3]),
  }),
)

/** y = artanh x: dx = dy / (1 - x^2) */
export const Atanh = defineOp(
  'Atanh',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => div(emit, dy, sub(emit, scalar(emit, 1, x), square(emit, x))),
    apply: Math.atanh,
    cases: ranks([-0.7, 0.7]),
  }),
)
