import { sameDims, type TensorType, toNumbers } from '../tensor/tensor.ts'
import { defineOp, type OpCase, type OpDefinition, type ShapeContext, type Value } from './define.ts'
import { add, cast, div, expand, indicator, mul, neg, scalar, scale, sub } from './emit.ts'
import { foldElementwise } from './fold.ts'
import { broadcastDims, required, rowsElementwise, shapeError } from './shapes.ts'
import { broadcastSquares } from './squares.ts'

function broadcastShape(context: ShapeContext): TensorType[] {
  const a = required(context, 0)
  const b = required(context, 1)
  if (a.type !== b.type) throw shapeError(context, 'both inputs must be of one type.')
  return [{ type: a.type, dims: broadcastDims(context, a.dims, b.dims) }]
}

const broadcastCases: readonly OpCase[] = [
  { name: 'same dims', inputs: [{ dims: [3, 4] }, { dims: [3, 4] }] },
  { name: 'right broadcast', inputs: [{ dims: [2, 3, 4] }, { dims: [4] }] },
  { name: 'left broadcast', inputs: [{ dims: [4] }, { dims: [2, 3, 4] }] },
  { name: 'both broadcast', inputs: [{ dims: [2, 1, 4] }, { dims: [3, 1] }] },
  { name: 'scalar', inputs: [{ dims: [3, 2] }, { dims: [] }] },
]

/** The same cases with values in `range` for the second input (divisors, bases). */
const withSecondIn = (range: readonly [number, number], first?: readonly [number, number]): OpCase[] =>
  broadcastCases.map((item) => ({
    ...item,
    inputs: item.inputs.map((input, index) =>
      input && index === 1 ? { ...input, range } : input && first ? { ...input, range: first } : input,
    ),
  }))

const distinctCases = broadcastCases.map((item) => ({
  ...item,
  inputs: item.inputs.map((input) => input && { ...input, distinct: true }),
}))

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
    cases: [
      ...rule.cases,
      {
        name: 'parameter over samples',
        inputs: [
          { dims: [4, 2, 3], range: [1, 2] },
          { dims: [3], range: [1, 2], parameter: true },
        ],
      },
      {
        name: 'parameter over positions',
        inputs: [
          { dims: [2, 1], range: [1, 2], parameter: true },
          { dims: [4, 2, 3], range: [1, 2] },
        ],
      },
    ],
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

/** c = a / b: da = dc / b, db = -dc c / b. */
export const Div = defineOp(
  'Div',
  binary({
    gradient: ({ emit, inputs: [, b], outputs: [c], gradients: [dc], needs }) => {
      if (!dc || !b || !c) return []
      const da = div(emit, dc, b)
      return [da, needs[1] ? neg(emit, mul(emit, da, c)) : undefined]
    },
    apply: (a, b) => a / b,
    cases: withSecondIn([0.5, 2]),
  }),
)

/** c = a^b: da = dc b a^(b-1), db = dc c ln a. A constant exponent of 2 or 1/2 takes the cheaper form. */
export const Pow = defineOp('Pow', {
  shape: (context) => [
    {
      type: required(context, 0).type,
      dims: broadcastDims(context, required(context, 0).dims, required(context, 1).dims),
    },
  ],
  gradient: ({ emit, inputs: [a, b], outputs: [c], gradients: [dc], needs }) => {
    if (!dc || !a || !b || !c) return []
    const exponent = b.constant && b.dims.length === 0 ? toNumbers(b.constant)[0] : undefined
    const da = () => {
      if (exponent === 1) return dc
      if (exponent === 2) return mul(emit, dc, scale(emit, a, 2))
      const power = cast(emit, b, a.type)
      const one = scalar(emit, 1, a)
      return mul(emit, dc, mul(emit, power, emit.op('Pow', [a, sub(emit, power, one)])))
    }
    return [
      needs[0] ? da() : undefined,
      needs[1] ? cast(emit, mul(emit, dc, mul(emit, c, emit.op('Log', [a]))), b.type) : undefined,
    ]
  },
  rows: rowsElementwise,
  fold: foldElementwise((a, b) => a ** b),
  cases: [
    ...withSecondIn([-2, 2], [0.5, 2]),
    { name: 'squared', inputs: [{ dims: [3, 4] }, { dims: [], values: [2], constant: true }] },
    { name: 'cubed', inputs: [{ dims: [3, 4] }, { dims: [], values: [3], constant: true }] },
    {
      name: 'inverse root',
      inputs: [
        { dims: [3, 4], range: [0.5, 2] },
        { dims: [], values: [-0.5], constant: true },
      ],
    },
  ],
})

function extremum(rule: { apply: (...values: number[]) => number }): Omit<OpDefinition, 'op'> {
  return {
    shape: (context) => {
      const first = required(context, 0)
      return [
        {
          type: first.type,
          dims: broadcastDims(context, ...context.inputs.map((_, index) => required(context, index).dims)),
        },
      ]
    },
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
    cases: [
      ...distinctCases,
      {
        name: 'three inputs',
        inputs: [
          { dims: [2, 3], distinct: true },
          { dims: [3], distinct: true },
          { dims: [1], distinct: true },
        ],
      },
      { name: 'one input', inputs: [{ dims: [2, 3], distinct: true }] },
    ],
  }
}

export const Max = defineOp('Max', extremum({ apply: Math.max }))
export const Min = defineOp('Min', extremum({ apply: Math.min }))

/** A sum of any number of inputs; each gets the gradient as it is. */
export const Sum = defineOp('Sum', {
  shape: (context) => {
    const first = required(context, 0)
    return [
      {
        type: first.type,
        dims: broadcastDims(context, ...context.inputs.map((_, index) => required(context, index).dims)),
      },
    ]
  },
  gradient: ({ inputs, gradients: [dc] }) => inputs.map(() => dc),
  rows: rowsElementwise,
  fold: foldElementwise((...values) => values.reduce((sum, value) => sum + value, 0)),
  cases: [
    { name: 'three inputs', inputs: [{ dims: [2, 3] }, { dims: [3] }, { dims: [1] }] },
    { name: 'one input', inputs: [{ dims: [2, 3] }] },
  ],
})
