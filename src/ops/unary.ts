import { defineOp, type GradientContext, type OpCase, type OpDefinition, type Value } from './define.ts'
import { div, indicator, mul, neg, scalar, scale } from './emit.ts'
import { foldElementwise } from './fold.ts'
import { rowsElementwise, sameAsFirst } from './shapes.ts'

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

/** y = -x */
export const Neg = defineOp(
  'Neg',
  elementwise({
    derivative: ({ emit }, _x, _y, dy) => neg(emit, dy),
    apply: (x) => -x,
    cases: [{ name: 'matrix', inputs: [{ dims: [2, 3] }] }],
  }),
)

/** y = sqrt x: dx = dy / (2 y) */
export const Sqrt = defineOp(
  'Sqrt',
  elementwise({
    derivative: ({ emit }, _x, y, dy) => div(emit, dy, scale(emit, y, 2)),
    apply: Math.sqrt,
    cases: [{ name: 'positive', inputs: [{ dims: [2, 3], range: [0.5, 2] }] }],
  }),
)

/** y = e^x: dx = dy y */
export const Exp = defineOp(
  'Exp',
  elementwise({
    derivative: ({ emit }, _x, y, dy) => mul(emit, dy, y),
    apply: Math.exp,
    cases: [{ name: 'matrix', inputs: [{ dims: [2, 3] }] }],
  }),
)

/** y = ln x: dx = dy / x */
export const Log = defineOp(
  'Log',
  elementwise({
    derivative: ({ emit }, x, _y, dy) => div(emit, dy, x),
    apply: Math.log,
    cases: [{ name: 'positive', inputs: [{ dims: [2, 3], range: [0.5, 2] }] }],
  }),
)

/** y = max(x, 0): dx = dy where x > 0. */
export const Relu = defineOp(
  'Relu',
  elementwise({
    derivative: ({ emit }, _x, y, dy) =>
      mul(emit, dy, indicator(emit, emit.op('Greater', [y, scalar(emit, 0, y)]), dy)),
    apply: (x) => Math.max(x, 0),
    cases: [{ name: 'matrix', inputs: [{ dims: [2, 3], distinct: true }] }],
  }),
)
