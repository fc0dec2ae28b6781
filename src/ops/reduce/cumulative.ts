import { sizeOf, toNumbers } from '../../tensor/tensor.ts'
import {
  constantInt,
  constantInts,
  defineOp,
  dimOf,
  foldableInputs,
  foldPicking,
  fromNumbers,
  mul,
  offsetOf,
  positiveAxis,
  required,
  type ShapeContext,
  sameAsFirst,
  shapeError,
  stridesOf,
} from '../core/index.ts'

/** Which places of a matrix Trilu keeps. */
function keeps(context: Omit<ShapeContext, 'outputs'>): (row: number, column: number) => boolean {
  const full: ShapeContext = { ...context, outputs: 1 }
  if (required(full, 0).dims.length < 2) throw shapeError(full, 'needs a matrix, or a stack of them.')
  const [k = 0] = context.inputs[1] ? constantInts(full, 1) : []
  const upper = context.attributes.int('upper', 1) !== 0
  return (row, column) => (upper ? column - row >= k : column - row <= k)
}

const scalar = (value: number) => ({ dims: [], type: 'int64' as const, values: [value] })

/** The upper or lower triangle of each matrix, zeros elsewhere: the gradient passes where the triangle is. */
export const Trilu = defineOp('Trilu', {
  shape: (context) => {
    keeps(context)
    return sameAsFirst(context)
  },
  gradient: (context) => {
    const { emit } = context
    const [dy] = context.gradients
    if (!dy) return []
    const kept = keeps(context)
    const [rows = 0, columns = 0] = dy.dims.slice(-2)
    const mask = Array.from({ length: rows * columns }, (_, index) =>
      Number(kept(Math.floor(index / columns), index % columns)),
    )
    return [mul(emit, dy, emit.constant(fromNumbers(dy.type, [rows, columns], mask)))]
  },
  rows: ({ carries, inputs: [x] }) => carries[0] === true && (x?.dims.length ?? 0) > 2,
  fold: foldPicking(sameAsFirst, (context, source) => {
    const kept = keeps(context)
    const strides = stridesOf(source.dims)
    return (at) => (kept(at.at(-2) ?? 0, at.at(-1) ?? 0) ? offsetOf(at, strides) : undefined)
  }),
  cases: [
    { name: 'upper', inputs: [{ dims: [3, 4] }] },
    { name: 'lower', inputs: [{ dims: [3, 3] }], attributes: { upper: 0 } },
    { name: 'upper, shifted', inputs: [{ dims: [2, 3, 3] }, scalar(1)] },
    { name: 'lower, shifted', inputs: [{ dims: [2, 4, 3] }, scalar(-1)], attributes: { upper: 0 } },
    { name: 'upper, shifted down', inputs: [{ dims: [3, 3] }, scalar(-1)] },
    { name: 'lower, shifted up', inputs: [{ dims: [3, 4] }, scalar(2)], attributes: { upper: 0 } },
    { name: 'lower, shifted out', inputs: [{ dims: [2, 2] }, scalar(-5)], attributes: { upper: 0 } },
    {
      name: 'stacks of stacks, k [1]',
      inputs: [{ dims: [2, 1, 2, 3] }, { dims: [1], type: 'int64', values: [1] }],
    },
    { name: 'empty', inputs: [{ dims: [0, 3] }] },
    { name: 'opset 14', inputs: [{ dims: [3, 3] }, scalar(1)], attributes: { upper: 0 }, opset: 14 },
    { name: 'shifted out', inputs: [{ dims: [2, 2] }, scalar(5)] },
    { name: 'float64', inputs: [{ dims: [2, 3], type: 'float64' }] },
    { name: 'folded', inputs: [{ dims: [3, 3], type: 'int64', range: [1, 9] }, scalar(1)] },
  ],
})

function cumulativeAxis(context: Omit<ShapeContext, 'outputs'>): number {
  const full: ShapeContext = { ...context, outputs: 1 }
  return positiveAxis(full, constantInt(full, 1), required(full, 0).dims.length)
}

/** y_i = sum over j <= i of x_j (j < i if exclusive; from the end if reverse): dx is the sum from the other end. */
export const CumSum = defineOp('CumSum', {
  shape: (context) => {
    cumulativeAxis(context)
    return sameAsFirst(context)
  },
  gradient: ({ emit, attributes, inputs: [, axis], gradients: [dy] }) => {
    if (!dy || !axis) return []
    const exclusive = attributes.int('exclusive', 0)
    return [emit.op('CumSum', [dy, axis], { exclusive, reverse: 1 - attributes.int('reverse', 0) })]
  },
  rows: (context) =>
    context.carries[0] === true && cumulativeAxis({ op: 'CumSum', name: '', ...context }) !== 0,
  fold: ([x], context) => {
    if (!x || !foldableInputs([x])) return undefined
    const axis = cumulativeAxis(context)
    const size = dimOf(x, axis)
    const stride = sizeOf(x.dims.slice(axis + 1))
    const exclusive = context.attributes.int('exclusive', 0) !== 0
    const backwards = context.attributes.int('reverse', 0) !== 0
    const values = toNumbers(x)
    const sums = values.map((_, index) => {
      const place = Math.floor(index / stride) % size
      const first = index - place * stride
      const [from, to] = backwards ? [place, size - 1] : [0, place]
      let sum = 0
      for (let at = from; at <= to; at++) {
        if (!exclusive || at !== place) sum += values[first + at * stride] ?? 0
      }
      return sum
    })
    return [fromNumbers(x.type, x.dims, sums)]
  },
  cases: [
    { name: 'last axis', inputs: [{ dims: [2, 4] }, scalar(1)] },
    { name: 'first axis', inputs: [{ dims: [3, 2] }, scalar(0)] },
    { name: 'negative axis', inputs: [{ dims: [2, 3, 2] }, scalar(-2)] },
    { name: 'exclusive', inputs: [{ dims: [2, 4] }, scalar(1)], attributes: { exclusive: 1 } },
    { name: 'reverse', inputs: [{ dims: [2, 4] }, scalar(1)], attributes: { reverse: 1 } },
    { name: 'both', inputs: [{ dims: [2, 4] }, scalar(1)], attributes: { exclusive: 1, reverse: 1 } },
    { name: 'float64', inputs: [{ dims: [4], type: 'float64' }, scalar(0)] },
    {
      name: 'axis as a list of one, int32',
      inputs: [{ dims: [2, 3] }, { dims: [1], type: 'int32', values: [-1] }],
    },
    {
      name: 'both, middle axis',
      inputs: [{ dims: [2, 3, 2] }, scalar(1)],
      attributes: { exclusive: 1, reverse: 1 },
    },
    { name: 'one element', inputs: [{ dims: [1] }, scalar(0)], attributes: { exclusive: 1 } },
    { name: 'empty', inputs: [{ dims: [0, 2] }, scalar(0)] },
    { name: 'opset 11', inputs: [{ dims: [3] }, scalar(0)], attributes: { reverse: 1 }, opset: 11 },
    ...[0, 1].flatMap((exclusive) =>
      [0, 1].map((reverse) => ({
        name: `folded, exclusive ${exclusive}, reverse ${reverse}`,
        inputs: [{ dims: [3, 2], type: 'int32' as const, range: [0, 9] as const }, scalar(0)],
        attributes: { exclusive, reverse },
      })),
    ),
    { name: 'folded', inputs: [{ dims: [2, 3], type: 'int64', range: [0, 9] }, scalar(1)] },
  ],
})
