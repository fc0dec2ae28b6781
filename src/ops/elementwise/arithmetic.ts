import { sameDims, sizeOf, type TensorType, toNumbers } from '../../tensor/tensor.ts'
import {
  add,
  broadcastDims,
  broadcastSquares,
  cast,
  defineOp,
  div,
  expand,
  foldElementwise,
  indicator,
  mul,
  neg,
  type OpCase,
  type OpDefinition,
  required,
  rowsElementwise,
  type ShapeContext,
  scalar,
  scale,
  shapeError,
  sub,
  type Value,
} from '../core/index.ts'
import {
  broadcastCases,
  extremumCases,
  integerPairs,
  parameterCases,
  powerCases,
  variadicCases,
  withSecondIn,
} from './arithmetic-cases.ts'

function broadcastShape(context: ShapeContext): TensorType[] {
  const a = required(context, 0)
  const b = required(context, 1)
  if (a.type !== b.type) throw shapeError(context, 'both inputs must be of one type.')
  return [{ type: a.type, dims: broadcastDims(context, a.dims, b.dims) }]
}

const variadicShape = (context: ShapeContext): TensorType[] => {
  const first = required(context, 0)
  const dims = context.inputs.map((_, index) => required(context, index).dims)
  return [{ type: first.type, dims: broadcastDims(context, ...dims) }]
}

/** Per-input squares of an element-wise op from its own gradient rule, for parameters broadcast over samples. */
const squaresOf =
  (gradient: NonNullable<OpDefinition['gradient']>): NonNullable<OpDefinition['squares']> =>
  (context) => {
    // Without samples along axis 0 of the result there is nothing to tell apart.
    if (!context.carries.includes(true) || !rowsElementwise(context)) return []
    return gradient(context).map((elementwise, index) => {
      const input = context.inputs[index]
      const out = context.outputs[0]
      if (!context.needs[index] || !elementwise || !input || !out) return undefined
      const full = sameDims(elementwise.dims, out.dims)
        ? elementwise
        : expand(context.emit, elementwise, out.dims)
      return broadcastSquares(context.emit, full, input.dims, context.samples)
    })
  }

function binary(rule: {
  gradient: NonNullable<OpDefinition['gradient']>
  apply: (a: number, b: number) => number
  cases: readonly OpCase[]
}): Omit<OpDefinition, 'op'> {
  return {
    shape: broadcastShape,
    gradient: rule.gradient,
    squares: squaresOf(rule.gradient),
    rows: rowsElementwise,
    fold: foldElementwise(rule.apply),
    cases: [...rule.cases, ...integerPairs, ...parameterCases],
  }
}

/** c = a + b: da = dc, db = dc. */
export const Add = defineOp(
  'Add',
  binary({ gradient: ({ gradients: [dc] }) => [dc, dc], apply: (a, b) => a + b, cases: broadcastCases }),
)

/** c = a - b: da = dc, db = -dc. */
export const Sub = defineOp(
  'Sub',
  binary({
    gradient: ({ emit, gradients: [dc], needs }) => [dc, needs[1] && dc ? neg(emit, dc) : undefined],
    apply: (a, b) => a - b,
    cases: broadcastCases,
  }),
)

/** c = a b: da = dc b, db = dc a. */
export const Mul = defineOp(
  'Mul',
  binary({
    gradient: ({ emit, inputs: [a, b], gradients: [dc], needs }) => [
      needs[0] && dc && b ? mul(emit, dc, b) : undefined,
      needs[1] && dc && a ? mul(emit, dc, a) : undefined,
    ],
    apply: (a, b) => a * b,
    cases: broadcastCases,
  }),
)

const quotients = foldElementwise((a, b) => a / b)

/** c = a / b: da = dc / b, db = -dc c / b. Division by zero is left to the runtime. */
export const Div = defineOp('Div', {
  ...binary({
    gradient: ({ emit, inputs: [, b], outputs: [c], gradients: [dc], needs }) => {
      if (!dc || !b || !c) return []
      const da = div(emit, dc, b)
      return [da, needs[1] ? neg(emit, mul(emit, da, c)) : undefined]
    },
    apply: (a, b) => a / b,
    cases: withSecondIn([0.5, 2]),
  }),
  fold: (inputs, context) =>
    inputs[1] && toNumbers(inputs[1]).includes(0) ? undefined : quotients(inputs, context),
})

/** The exponent, where it is one known number that does not broadcast the base. */
function knownExponent(a: Value, b: Value): number | undefined {
  const alone = b.constant && sizeOf(b.dims) === 1 && b.dims.length <= a.dims.length
  return alone && b.constant ? toNumbers(b.constant)[0] : undefined
}

/**
 * c = a^b: da = dc b a^(b-1), zero where b is 0; db = dc c ln a, zero where a is 0 (with b > 0), as in PyTorch. Base and
 * exponent may be of different types. A known exponent of 0, 1 or 2 takes the cheaper form.
 */
export const Pow = defineOp('Pow', {
  shape: (context) => [
    {
      type: required(context, 0).type,
      dims: broadcastDims(context, required(context, 0).dims, required(context, 1).dims),
    },
  ],
  gradient: ({ emit, inputs: [a, b], outputs: [c], gradients: [dc], needs }) => {
    if (!dc || !a || !b || !c) return []
    const exponent = knownExponent(a, b)
    const da = () => {
      if (exponent === 0) return undefined
      if (exponent === 1) return dc
      if (exponent === 2) return mul(emit, dc, scale(emit, a, 2))
      const power = cast(emit, b, a.type)
      const zero = scalar(emit, 0, a)
      const slope = mul(emit, power, emit.op('Pow', [a, sub(emit, power, scalar(emit, 1, a))]))
      if (exponent !== undefined) return mul(emit, dc, slope)
      // 0 * 0^-1 is not a number.
      return mul(emit, dc, emit.op('Where', [emit.op('Equal', [power, zero]), zero, slope]))
    }
    const db = () => {
      const isZero = indicator(emit, emit.op('Equal', [a, scalar(emit, 0, a)]), a)
      return cast(emit, mul(emit, dc, mul(emit, c, emit.op('Log', [add(emit, a, isZero)]))), b.type)
    }
    return [needs[0] ? da() : undefined, needs[1] ? db() : undefined]
  },
  rows: rowsElementwise,
  fold: foldElementwise((a, b) => a ** b),
  cases: powerCases,
})

function extremum(rule: { apply: (...values: number[]) => number }): Omit<OpDefinition, 'op'> {
  return {
    shape: variadicShape,
    // The gradient goes to the inputs that equal the winner; ties are shared evenly, as PyTorch's amax does.
    gradient: ({ emit, inputs, outputs: [out], gradients: [dout], needs }) => {
      if (!dout || !out) return []
      const masks = inputs.map((input) => input && indicator(emit, emit.op('Equal', [input, out]), dout))
      const present = masks.filter((mask) => mask !== undefined)
      const total = present.reduce<Value | undefined>(
        (sum, mask) => (sum ? add(emit, sum, mask) : mask),
        undefined,
      )
      if (!total) return []
      const share = div(emit, dout, total)
      return masks.map((mask, index) => (needs[index] && mask ? mul(emit, share, mask) : undefined))
    },
    rows: rowsElementwise,
    fold: foldElementwise(rule.apply),
    cases: extremumCases,
  }
}

export const Max = defineOp('Max', extremum({ apply: Math.max }))
export const Min = defineOp('Min', extremum({ apply: Math.min }))

/** A sum of any number of inputs; each gets the gradient as it is. */
export const Sum = defineOp('Sum', {
  shape: variadicShape,
  gradient: ({ inputs, gradients: [dc] }) => inputs.map(() => dc),
  rows: rowsElementwise,
  fold: foldElementwise((...values) => values.reduce((sum, value) => sum + value, 0)),
  cases: variadicCases,
})

/** The mean of n inputs: each gets dc / n. */
export const Mean = defineOp('Mean', {
  shape: variadicShape,
  gradient: ({ emit, inputs, gradients: [dc] }) => {
    const share = dc && scale(emit, dc, 1 / inputs.length)
    return inputs.map(() => share)
  },
  rows: rowsElementwise,
  fold: foldElementwise((...values) => values.reduce((sum, value) => sum + value, 0) / values.length),
  cases: variadicCases,
})
