import { float } from '../../onnx/graph.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import {
  add,
  cast,
  defineOp,
  dimOf,
  div,
  type Emitter,
  fromNumbers,
  mul,
  positiveAxis,
  reduceSum,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  sameAsFirst,
  scalar,
  scale as scaled,
  shapeError,
  square,
  sub,
  type Value,
} from '../core/index.ts'

const normAxis = (context: Omit<ShapeContext, 'outputs'>): number =>
  positiveAxis(
    { ...context, outputs: 1 },
    context.attributes.int('axis', -1),
    required(context, 0).dims.length,
  )

/**
 * y = x / |x|_p along an axis: with s = sum(dy y), dx = (dy - y s) / |x| for p = 2 and (dy - sign(x) s) / |x| for p = 1.
 */
export const LpNormalization = defineOp('LpNormalization', {
  shape: (context) => {
    normAxis(context)
    return sameAsFirst(context)
  },
  gradient: (context) => {
    const { emit } = context
    const x = required(context, 0)
    const [y] = context.outputs
    const [dy] = context.gradients
    if (!dy || !y) return []
    const total = (of: Value) => reduceSum(emit, of, [normAxis(context)], true)
    const euclidean = context.attributes.int('p', 2) === 2
    const norm = euclidean ? emit.op('Sqrt', [total(square(emit, x))]) : total(emit.op('Abs', [x]))
    // Where all is zero the runtime gives zeros; the gradient there is dy rather than not a number.
    const isZero = cast(emit, emit.op('Equal', [norm, scalar(emit, 0, norm)]), norm.type)
    const direction = euclidean ? y : emit.op('Sign', [x])
    const inner = sub(emit, dy, mul(emit, direction, total(mul(emit, dy, y))))
    return [div(emit, inner, add(emit, norm, isZero))]
  },
  rows: (context) =>
    context.carries[0] === true && normAxis({ op: 'LpNormalization', name: '', ...context }) !== 0,
  cases: [
    { name: 'default', inputs: [{ dims: [2, 4] }] },
    { name: 'middle axis', inputs: [{ dims: [2, 3, 2] }], attributes: { axis: 1 } },
    { name: 'sum of magnitudes', inputs: [{ dims: [2, 4], distinct: true }], attributes: { p: 1 } },
    { name: 'sum, first axis', inputs: [{ dims: [4, 2], distinct: true }], attributes: { p: 1, axis: 0 } },
    { name: 'float64', inputs: [{ dims: [2, 4], type: 'float64' }], attributes: { axis: -1 } },
    { name: 'vector', inputs: [{ dims: [4] }], attributes: { axis: 0 } },
    {
      name: 'sum, negative axis',
      inputs: [{ dims: [2, 3, 2], distinct: true }],
      attributes: { p: 1, axis: -2 },
    },
    { name: 'zeros in a row', inputs: [{ dims: [2, 2], values: [0, 0, 1, 2], constant: true }] },
  ],
})

/** Sums over windows of `size` neighbouring channels: a product with a band of ones. x is [batch, channels, space]. */
function windowSums(emit: Emitter, x: Value, size: number): Value {
  const channels = dimOf(x, 1)
  const reach = (size - 1) / 2
  const band = Array.from({ length: channels * channels }, (_, index) =>
    Number(Math.abs(Math.floor(index / channels) - (index % channels)) <= reach),
  )
  return emit.op('MatMul', [emit.constant(fromNumbers(x.type, [channels, channels], band)), x])
}

/**
 * y = x b^-beta, b = bias + alpha / size * (sum of x^2 over neighbouring channels); W sums over the window:
 *
 *     dx = dy b^-beta - 2 alpha beta / size * x W(dy y / b)
 *
 * ONNX Runtime's CPU has it for images in float32 with odd sizes.
 */
export const LRN = defineOp('LRN', {
  shape: (context) => {
    const size = context.attributes.int('size', 0)
    if (size < 1 || size % 2 === 0)
      throw shapeError(context, `size ${size} must be odd: the window has a middle.`)
    return sameAsFirst(context)
  },
  gradient: (context) => {
    const { emit, attributes } = context
    const x = required(context, 0)
    const [y] = context.outputs
    const [dy] = context.gradients
    if (!dy || !y) return []
    const [batch = 0, channels = 0, ...space] = x.dims
    const flat = (of: Value) => reshape(emit, of, [batch, channels, sizeOf(space)])
    const size = attributes.int('size', 1)
    const share = attributes.float('alpha', 1e-4) / size
    const beta = attributes.float('beta', 0.75)
    const sums = scaled(emit, windowSums(emit, square(emit, flat(x)), size), share)
    const base = add(emit, sums, scalar(emit, attributes.float('bias', 1), x))
    const own = mul(emit, flat(dy), emit.op('Pow', [base, scalar(emit, -beta, x)]))
    const across = windowSums(emit, div(emit, mul(emit, flat(dy), flat(y)), base), size)
    const others = scaled(emit, mul(emit, flat(x), across), 2 * share * beta)
    return [reshape(emit, sub(emit, own, others), x.dims)]
  },
  rows: rowsFirst,
  cases: [
    { name: 'defaults', inputs: [{ dims: [2, 5, 2, 1] }], attributes: { size: 3 } },
    {
      name: 'strong',
      inputs: [{ dims: [2, 6, 2, 2] }],
      attributes: { size: 5, alpha: float(0.9), beta: float(0.6), bias: float(1.5) },
    },
    { name: 'window of one', inputs: [{ dims: [1, 3, 2, 2] }], attributes: { size: 1, alpha: float(0.5) } },
  ],
})
