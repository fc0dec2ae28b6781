import { defineOp, type OpCase, type OpDefinition } from './define.ts'
import { mul, reduceSum, sub } from './emit.ts'
import { positiveAxis, required, type rowsFirst, sameAsFirst } from './shapes.ts'

const cases: readonly OpCase[] = [
  { name: 'last axis', inputs: [{ dims: [3, 4] }] },
  { name: 'middle axis', inputs: [{ dims: [2, 3, 4] }], attributes: { axis: 1 } },
  { name: 'first axis', inputs: [{ dims: [3, 4] }], attributes: { axis: 0 } },
  { name: 'negative axis', inputs: [{ dims: [2, 3, 4] }], attributes: { axis: -2 } },
]

const axisOf = (context: Parameters<NonNullable<OpDefinition['gradient']>>[0]): number =>
  positiveAxis(
    { ...context, outputs: 1 },
    context.attributes.int('axis', -1),
    required(context, 0).dims.length,
  )

const rows: typeof rowsFirst = ({ inputs, carries, attributes }) => {
  const rank = inputs[0]?.dims.length ?? 0
  const axis = attributes.int('axis', -1)
  return carries[0] === true && (axis < 0 ? axis + rank : axis) !== 0
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
  cases,
})

/** y = log softmax x: dx = dy - exp(y) sum(dy). */
export const LogSoftmax = defineOp('LogSoftmax', {
  shape: sameAsFirst,
  gradient: (context) => {
    const {
      emit,
      outputs: [y],
      gradients: [dy],
    } = context
    if (!y || !dy) return []
    const total = reduceSum(emit, dy, [axisOf(context)], true)
    return [sub(emit, dy, mul(emit, emit.op('Exp', [y]), total))]
  },
  rows,
  cases,
})
