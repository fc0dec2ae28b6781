import type { Tensor } from '../../tensor/tensor.ts'
import {
  attributeReader,
  broadcastDims,
  broadcastSquares,
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
  sameAsFirst,
  scalar,
  shapeError,
  sub,
  type Value,
} from '../core/index.ts'
import { clipCases, modCases } from './rounding-cases.ts'
import { integerCase, smallest } from './unary.ts'

/** Constant between its jumps: the gradient is zero wherever there is one, so nothing is passed on. */
function steps(rule: { apply: (x: number) => number; cases?: readonly OpCase[] }): Omit<OpDefinition, 'op'> {
  const values = [-1.3, -0.6, -0.2, 0.3, 0.7, 1.4]
  return {
    shape: sameAsFirst,
    gradient: () => [],
    rows: rowsElementwise,
    fold: foldElementwise(rule.apply),
    cases: [
      { name: 'float32', inputs: [{ dims: [2, 3], values }] },
      { name: 'float64', inputs: [{ dims: [2, 3], type: 'float64', values }] },
      ...smallest(),
      ...(rule.cases ?? []),
    ],
  }
}

export const Sign = defineOp(
  'Sign',
  steps({ apply: Math.sign, cases: [integerCase('int32'), integerCase('int64')] }),
)
export const Floor = defineOp('Floor', steps({ apply: Math.floor }))
export const Ceil = defineOp('Ceil', steps({ apply: Math.ceil }))

/** Halves go to the even neighbour. */
export const Round = defineOp('Round', steps({ apply: roundHalfToEven }))

function roundHalfToEven(x: number): number {
  const below = Math.floor(x)
  if (x - below !== 0.5) return Math.round(x)
  return below % 2 === 0 ? below : below + 1
}

const bool = (context: ShapeContext) => [{ type: 'bool' as const, dims: required(context, 0).dims }]

export const IsNaN = defineOp('IsNaN', {
  shape: bool,
  gradient: null,
  rows: rowsElementwise,
  fold: foldElementwise(
    (x) => Number(Number.isNaN(x)),
    () => 'bool',
  ),
  cases: [
    ...smallest(),
    { name: 'float32', inputs: [{ dims: [3], values: [0, Number.NaN, Number.POSITIVE_INFINITY] }] },
    { name: 'float64', inputs: [{ dims: [2, 2], type: 'float64' }] },
  ],
})

export const IsInf = defineOp('IsInf', {
  shape: bool,
  gradient: null,
  rows: rowsElementwise,
  fold: (inputs, context) =>
    foldElementwise(
      (x) =>
        Number(
          (x === Number.POSITIVE_INFINITY && context.attributes.int('detect_positive', 1) !== 0) ||
            (x === Number.NEGATIVE_INFINITY && context.attributes.int('detect_negative', 1) !== 0),
        ),
      () => 'bool',
    )(inputs, context),
  cases: [
    ...smallest(),
    { name: 'float32', inputs: [{ dims: [3], values: [0, Number.NaN, Number.POSITIVE_INFINITY] }] },
    { name: 'float64', inputs: [{ dims: [2, 2], type: 'float64' }] },
    { name: 'positive only', inputs: [{ dims: [2] }], attributes: { detect_negative: 0 } },
    { name: 'negative only', inputs: [{ dims: [2] }], attributes: { detect_positive: 0 } },
  ],
})

/** Whether a bound is known to be `value`. */
const isBound = (bound: Value | undefined, value: number): boolean =>
  bound?.constant !== undefined && Number(bound.constant.data[0]) === value

/**
 * y = min(max(x, low), high): dx = dy where low <= x <= high, the bounds included as in PyTorch's clamp: exactly
 * there is y = x. From 0 to 6 it is what exporters make of ReLU6, whose gradient is 0 at both bounds: where a channel is
 * dead, x is 0 throughout, and PyTorch leaves it so. d low = sum of dy where x < low, d high likewise.
 */
export const Clip = defineOp('Clip', {
  shape: sameAsFirst,
  gradient: ({ emit, inputs: [x, low, high], outputs: [y], gradients: [dy], needs }) => {
    if (!x || !y || !dy) return []
    const compare = (condition: string, value: Value, bound: Value) => emit.op(condition, [value, bound])
    const where = (condition: Value) => mul(emit, dy, indicator(emit, condition, dy))
    const passing = () =>
      low && high && isBound(low, 0) && isBound(high, 6)
        ? emit.op('And', [compare('Greater', y, low), compare('Less', y, high)])
        : compare('Equal', x, y)
    return [
      needs[0] ? where(passing()) : undefined,
      needs[1] && low ? where(compare('Less', x, low)) : undefined,
      needs[2] && high ? where(compare('Greater', x, high)) : undefined,
    ]
  },
  rows: rowsElementwise,
  fold: (inputs, context) => {
    const has = (index: number) => context.inputs[index] !== undefined
    const given = inputs.filter((input, index): input is Tensor => has(index) && input !== undefined)
    if (given.length !== context.inputs.filter((input) => input !== undefined).length) return undefined
    return foldElementwise((x, ...bounds) => {
      const low = has(1) ? bounds[0] : undefined
      const high = has(2) ? bounds.at(-1) : undefined
      return Math.min(Math.max(x ?? 0, low ?? Number.NEGATIVE_INFINITY), high ?? Number.POSITIVE_INFINITY)
    })(given, context)
  },
  upgrade: ({ attributes, inputs, opset, emit }) => {
    const [x] = inputs
    if (opset >= 11 || !x) return { inputs, attributes }
    // Before opset 11 the bounds were attributes; a missing one means the type's largest number.
    const { min, max, ...rest } = attributes
    const read = attributeReader(attributes, 'Clip')
    return {
      inputs: [
        x,
        min === undefined ? undefined : scalar(emit, read.float('min', 0), x),
        max === undefined ? undefined : scalar(emit, read.float('max', 0), x),
      ],
      attributes: rest,
    }
  },
  cases: clipCases,
})

const modGradient: NonNullable<OpDefinition['gradient']> = ({
  emit,
  inputs: [a, b],
  outputs: [c],
  gradients: [dc],
  needs,
}) => {
  if (!a || !b || !c || !dc) return []
  return [dc, needs[1] ? neg(emit, mul(emit, dc, div(emit, sub(emit, a, c), b))) : undefined]
}

/**
 * c = a - n b, where n is a / b truncated (`fmod` 1: the sign of a; the only form floats have) or floored (`fmod` 0:
 * the sign of b): da = dc, db = -dc n with n = (a - c) / b.
 */
export const Mod = defineOp('Mod', {
  shape: (context) => {
    const a = required(context, 0)
    const b = required(context, 1)
    if (a.type !== b.type) throw shapeError(context, 'both inputs must be of one type.')
    return [{ type: a.type, dims: broadcastDims(context, a.dims, b.dims) }]
  },
  gradient: modGradient,
  squares: (context) =>
    modGradient(context).map((full, index) => {
      const input = context.inputs[index]
      const out = context.outputs[0]
      return context.needs[index] && full && input && out
        ? broadcastSquares(context.emit, expand(context.emit, full, out.dims), input.dims, context.samples)
        : undefined
    }),
  rows: rowsElementwise,
  fold: (inputs, context) => {
    const truncated = context.attributes.int('fmod', 0) !== 0
    const divisor = inputs[1]
    // The runtime refuses a division by zero, or not, by type; it is left to it.
    if (divisor && Array.from(divisor.data as ArrayLike<number | bigint>, Number).includes(0))
      return undefined
    return foldElementwise((a, b) => (truncated ? a % b : a - Math.floor(a / b) * b))(inputs, context)
  },
  cases: modCases,
})
