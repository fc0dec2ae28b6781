import { sizeOf } from '../../tensor/tensor.ts'
import {
  defineOp,
  isFirstAxis,
  mul,
  type OpCase,
  type OpDefinition,
  positiveAxis,
  reduceSum,
  required,
  reshape,
  type rowsFirst,
  sameAsFirst,
  scalar,
  sub,
  type UpgradeContext,
  type Upgraded,
} from '../core/index.ts'

/** Softmax, LogSoftmax and Hardmax along one axis, in today's form and in that before opset 13. */
export const axisCases: readonly OpCase[] = [
  { name: 'last axis', inputs: [{ dims: [3, 4] }] },
  { name: 'middle axis', inputs: [{ dims: [2, 3, 4] }], attributes: { axis: 1 } },
  { name: 'first axis', inputs: [{ dims: [3, 4] }], attributes: { axis: 0 } },
  { name: 'negative axis', inputs: [{ dims: [2, 3, 4] }], attributes: { axis: -2 } },
  { name: 'vector', inputs: [{ dims: [5] }] },
  { name: 'four axes, second', inputs: [{ dims: [2, 3, 2, 2] }], attributes: { axis: 1 } },
  { name: 'axis of size 1', inputs: [{ dims: [3, 1] }] },
  { name: 'empty', inputs: [{ dims: [0, 3] }] },
  { name: 'images, opset 12', inputs: [{ dims: [2, 3, 2, 2] }], opset: 12 },
  {
    name: 'images from axis 2, opset 11',
    inputs: [{ dims: [2, 3, 2, 2] }],
    attributes: { axis: 2 },
    opset: 11,
  },
  { name: 'negative axis, opset 11', inputs: [{ dims: [2, 3, 2, 2] }], attributes: { axis: -3 }, opset: 11 },
  { name: 'last axis, opset 11', inputs: [{ dims: [2, 3, 4] }], attributes: { axis: -1 }, opset: 11 },
  { name: 'all axes, opset 9', inputs: [{ dims: [2, 3] }], attributes: { axis: 0 }, opset: 9 },
  { name: 'trailing axes of size 1, opset 8', inputs: [{ dims: [2, 3, 1, 1] }], opset: 8 },
  { name: 'matrix, opset 7', inputs: [{ dims: [3, 4] }], opset: 7 },
]

/** ONNX Runtime has no Hardmax in float64. */
const doubles: OpCase = {
  name: 'float64',
  inputs: [{ dims: [2, 3], type: 'float64' }],
  attributes: { axis: 0 },
}

/**
 * Before opset 13 the axes from `axis` (default 1) on were one: the input was seen as a matrix with the axes before in its
 * rows. Where only one of them is larger than 1, that is the axis.
 */
export function oneAxisFromMany({ attributes, inputs, opset, emit }: UpgradeContext): Upgraded {
  const [x] = inputs
  if (opset >= 13 || !x) return { inputs, attributes }
  const given = typeof attributes.axis === 'number' ? attributes.axis : 1
  const axis = given < 0 ? given + x.dims.length : given
  const merged = x.dims.flatMap((dim, at) => (at >= axis && dim !== 1 ? [at] : []))
  if (merged.length < 2) return { inputs, attributes: { ...attributes, axis: merged[0] ?? axis } }
  const matrix = reshape(emit, x, [sizeOf(x.dims.slice(0, axis)), sizeOf(x.dims.slice(axis))])
  return {
    inputs: [matrix],
    attributes: { ...attributes, axis: 1 },
    outputs: (outputs) => outputs.map((y) => reshape(emit, y, x.dims)),
  }
}

const axisOf = (context: Parameters<NonNullable<OpDefinition['gradient']>>[0]): number =>
  positiveAxis(
    { ...context, outputs: 1 },
    context.attributes.int('axis', -1),
    required(context, 0).dims.length,
  )

const rows: typeof rowsFirst = ({ inputs, carries, attributes }) => {
  const axis = attributes.int('axis', -1)
  return carries[0] === true && !isFirstAxis(axis, inputs[0])
}

/** y = softmax x: dx = y (dy - sum(dy y)). */
export const Softmax = defineOp('Softmax', {
  shape: sameAsFirst,
  gradient: (context) => {
    const {
      emit,
      outputs: [y],
      gradients: [dy],
    } = context
    if (!y || !dy) return []
    const inner = reduceSum(emit, mul(emit, dy, y), [axisOf(context)], true)
    return [mul(emit, y, sub(emit, dy, inner))]
  },
  rows,
  upgrade: oneAxisFromMany,
  cases: [...axisCases, doubles],
})

/** y = log softmax x: dx = dy - exp(y) sum(dy). The sum of a target's shares is known, as a rule. */
export const LogSoftmax = defineOp('LogSoftmax', {
  shape: sameAsFirst,
  gradient: (context) => {
    const {
      emit,
      outputs: [y],
      gradients: [dy],
    } = context
    if (!y || !dy) return []
    const axis = axisOf(context)
    const known = axis === y.dims.length - 1 && dy.rowSum !== undefined
    const total = known ? scalar(emit, dy.rowSum, y) : reduceSum(emit, dy, [axis], true)
    return [sub(emit, dy, mul(emit, emit.op('Exp', [y]), total))]
  },
  rows,
  upgrade: oneAxisFromMany,
  cases: [...axisCases, doubles],
})
