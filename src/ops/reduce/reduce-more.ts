import {
  add,
  defineOp,
  div,
  expand,
  type GradientContext,
  indicator,
  mul,
  type OpCase,
  type OpDefinition,
  reduceSum,
  scalar,
  scale,
  sub,
  type Value,
} from '../core/index.ts'
import {
  axesFromAttribute,
  axesInput,
  foldIntegers,
  integerCases,
  reduceCases,
  reducedAxes,
  reduceShape,
  rowsKept,
  unreduced,
} from './reduce.ts'

/** A reduction with dx from x, and from y and dy with the reduced axes back as size 1. */
function reduction(rule: {
  gradient: (context: GradientContext, x: Value, y: Value, dy: Value) => Value
  cases: readonly OpCase[]
}): Omit<OpDefinition, 'op'> {
  return {
    shape: reduceShape,
    gradient: (context) => {
      const {
        inputs: [x],
        outputs: [y],
        gradients: [dy],
      } = context
      return x && y && dy ? [rule.gradient(context, x, unreduced(context, y), unreduced(context, dy))] : []
    },
    rows: rowsKept,
    upgrade: axesFromAttribute,
    cases: rule.cases,
  }
}

/**
 * y = prod x: dx_i = dy prod of the others. With zeros replaced by ones that is prod / x_i, and it is zero itself
 * where a zero is among the others: where the count of zeros is not what x_i alone contributes.
 */
export const ReduceProd = defineOp('ReduceProd', {
  ...reduction({
    gradient: (context, x, y, dy) => {
      const { emit } = context
      const axes = reducedAxes(context)
      if (axes.length === 0) return dy
      const zeros = indicator(emit, emit.op('Equal', [x, scalar(emit, 0, x)]), x)
      const safe = add(emit, x, zeros)
      const product = emit.op('ReduceProd', [safe, context.inputs[1]], {
        keepdims: 1,
        noop_with_empty_axes: 0,
      })
      const count = reduceSum(emit, zeros, axes, true)
      const only = indicator(emit, emit.op('Equal', [zeros, count]), y)
      return mul(emit, div(emit, mul(emit, dy, product), safe), only)
    },
    cases: [
      ...reduceCases(false, [0.5, 1.5]),
      ...integerCases,
      { name: 'one zero', inputs: [{ dims: [2, 3], values: [0, 2, -1, 1, 0.5, 3] }, axesInput([1])] },
      { name: 'two zeros', inputs: [{ dims: [2, 3], values: [0, 2, 0, 1, 0, 3] }, axesInput([1])] },
      { name: 'negative', inputs: [{ dims: [4], values: [-1, 2, -0.5, -3] }], attributes: { keepdims: 0 } },
    ],
  }),
  fold: foldIntegers((a, b) => a * b),
})

/** y = sum |x|: dx = dy sign x */
export const ReduceL1 = defineOp(
  'ReduceL1',
  reduction({
    gradient: ({ emit }, x, _y, dy) => mul(emit, emit.op('Sign', [x]), dy),
    cases: reduceCases(true, [-2, 2]),
  }),
)

/** y = sqrt(sum x^2): dx = dy x / y, zero where y is zero, as in PyTorch. */
export const ReduceL2 = defineOp(
  'ReduceL2',
  reduction({
    gradient: ({ emit }, x, y, dy) => {
      const empty = indicator(emit, emit.op('Equal', [y, scalar(emit, 0, y)]), y)
      return mul(emit, x, div(emit, dy, add(emit, y, empty)))
    },
    cases: reduceCases(true, [-2, 2]),
  }),
)

/** y = sum x^2: dx = 2 dy x */
export const ReduceSumSquare = defineOp(
  'ReduceSumSquare',
  reduction({
    gradient: ({ emit }, x, _y, dy) => mul(emit, x, scale(emit, dy, 2)),
    cases: reduceCases(),
  }),
)

/** y = ln sum x: dx = dy / sum x = dy e^-y */
export const ReduceLogSum = defineOp(
  'ReduceLogSum',
  reduction({
    gradient: (context, x, y, dy) => {
      const { emit } = context
      return expand(emit, div(emit, dy, emit.op('Exp', [y])), x.dims)
    },
    cases: reduceCases(false, [0.5, 2]),
  }),
)

/** y = ln sum e^x: dx = dy e^(x - y) */
export const ReduceLogSumExp = defineOp(
  'ReduceLogSumExp',
  reduction({
    gradient: ({ emit }, x, y, dy) => mul(emit, emit.op('Exp', [sub(emit, x, y)]), dy),
    cases: reduceCases(),
  }),
)
