import type { DType } from '../../tensor/tensor.ts'
import {
  defineOp,
  div,
  foldElementwise,
  type GradientContext,
  mul,
  neg,
  type OpCase,
  type OpDefinition,
  rowsElementwise,
  sameAsFirst,
  scalar,
  scale,
  square,
  sub,
  type Value,
} from '../core/index.ts'

/** An op y = f(x), element by element, with dx = derivative(x, y, dy). */
export function elementwise(rule: {
  derivative: (context: GradientContext, x: Value, y: Value, dy: Value) => Value
  apply?: (x: number) => number
  cases: readonly OpCase[]
}): Omit<OpDefinition, 'op'> {
  return {
    shape: sameAsFirst,
    gradient: (context) => {
      const {
        inputs: [x],
        outputs: [y],
        gradients: [dy],
      } = context
      return x && y && dy ? [rule.derivative(context, x, y, dy)] : []
    },
    rows: rowsElementwise,
    ...(rule.apply ? { fold: foldElementwise(rule.apply) } : {}),
    cases: rule.cases,
  }
}

/** One case in float32 for each of several ranks and one without elements, values within `range`. */
export const ranks = (range: readonly [number, number] = [-1, 1]): OpCase[] =>
  [[2, 3], [2, 1, 3, 2], [5], [], [0, 3, 2]].map((dims) => ({
    name: dims.includes(0) ? 'empty' : `float32 of rank ${dims.length}`,
    inputs: [{ dims, range }],
  }))

/** As {@link ranks}, and one in float64, for the ops that ONNX Runtime computes in both. */
export const bothFloats = (range: readonly [number, number] = [-1, 1]): OpCase[] => [
  ...ranks(range),
  { name: 'float64', inputs: [{ dims: [2, 3], type: 'float64', range }] },
]

/** A scalar, and a tensor without elements. */
export const smallest = (type: DType = 'float32'): OpCase[] =>
  [[], [2, 0]].map((dims) => ({
    name: dims.includes(0) ? `${type}, empty` : `${type}, scalar`,
    inputs: [{ dims, type, range: [0.3, 1.3], constant: false }],
  }))

/** Integers have a shape, but no gradient. */
export const integerCase = (type: 'int32' | 'int64'): OpCase => ({
  name: type,
  inputs: [{ dims: [2, 3], type, range: [-3, 4], constant: false }],
})

/** y = |x|: dx = dy sign x, zero at zero. */
export const Abs = defineOp(
  'Abs',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => mul(emit, dy, emit.op('Sign', [x])),
    apply: Math.abs,
    cases: [
      { name: 'float32', inputs: [{ dims: [2, 3, 2], distinct: true, range: [-2, 2] }] },
      { name: 'float64', inputs: [{ dims: [2, 3], type: 'float64', distinct: true }] },
      ...smallest(),
      integerCase('int32'),
      integerCase('int64'),
    ],
  }),
)

/** y = -x */
export const Neg = defineOp(
  'Neg',
  elementwise({
    derivative: ({ emit }, _x, _y, dy) => neg(emit, dy),
    apply: (x) => -x,
    cases: [...bothFloats(), integerCase('int32'), integerCase('int64')],
  }),
)

/** y = 1 / x: dx = -dy y^2 */
export const Reciprocal = defineOp(
  'Reciprocal',
  elementwise({
    derivative: ({ emit }, _x, y, dy) => neg(emit, mul(emit, dy, square(emit, y))),
    apply: (x) => 1 / x,
    cases: bothFloats([0.5, 2]),
  }),
)

/** y = sqrt x: dx = dy / (2 y) */
export const Sqrt = defineOp(
  'Sqrt',
  elementwise({
    derivative: ({ emit }, _x, y, dy) => div(emit, dy, scale(emit, y, 2)),
    apply: Math.sqrt,
    cases: bothFloats([0.5, 2]),
  }),
)

/** y = e^x: dx = dy y */
export const Exp = defineOp(
  'Exp',
  elementwise({
    derivative: ({ emit }, _x, y, dy) => mul(emit, dy, y),
    apply: Math.exp,
    cases: bothFloats(),
  }),
)

/** y = ln x: dx = dy / x */
export const Log = defineOp(
  'Log',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => div(emit, dy, x),
    apply: Math.log,
    cases: bothFloats([0.5, 2]),
  }),
)

/** y = erf x: dx = dy 2/sqrt(pi) e^(-x^2), with the factor in the exponent. ONNX Runtime computes it in float32 only. */
export const Erf = defineOp(
  'Erf',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => {
      const exponent = sub(emit, scalar(emit, Math.log(2 / Math.sqrt(Math.PI)), x), square(emit, x))
      return mul(emit, dy, emit.op('Exp', [exponent]))
    },
    cases: ranks([-2, 2]),
  }),
)
