import { itemAt } from '../../required.ts'
import type { TensorType } from '../../tensor/tensor.ts'
import {
  constantInts,
  defineOp,
  dimOf,
  type Emitter,
  type Formed,
  filled,
  foldPicking,
  ints,
  positiveAxis,
  required,
  reshape,
  type ShapeContext,
  shapeError,
  stridesOf,
  type UpgradeContext,
  type Value,
} from '../core/index.ts'
import { padZeros } from './pad.ts'

/** What is taken along one axis: `count` elements from `start` on, `step` apart. */
interface Cut {
  readonly start: number
  readonly step: number
  readonly count: number
}

/** The cut along every axis, with negative indices resolved and bounds clamped as the specification says. */
export function cutsOf(context: Omit<ShapeContext, 'outputs'>): Cut[] {
  const full: ShapeContext = { ...context, outputs: 1 }
  const x = required(full, 0)
  const starts = constantInts(full, 1)
  const ends = constantInts(full, 2)
  const axes = context.inputs[3] ? constantInts(full, 3) : starts.map((_, index) => index)
  const steps = context.inputs[4] ? constantInts(full, 4) : starts.map(() => 1)
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length)
    throw shapeError(full, 'starts, ends, axes and steps must be equally many.')
  const cuts: Cut[] = x.dims.map((count) => ({ start: 0, step: 1, count }))
  axes.forEach((given, index) => {
    const axis = positiveAxis(full, given, x.dims.length)
    const dim = dimOf(x, axis)
    const step = steps[index] ?? 1
    if (step === 0) throw shapeError(full, 'a step of 0 goes nowhere.')
    const low = step > 0 ? 0 : -1
    const high = step > 0 ? dim : dim - 1
    const bounded = (value: number, floor: number) =>
      Math.min(high, Math.max(floor, value < 0 ? value + dim : value))
    // A negative step may end before the first element, but starts at the first at the least.
    const start = bounded(itemAt(starts, index, 'start'), 0)
    const end = bounded(itemAt(ends, index, 'end'), low)
    cuts[axis] = { start, step, count: Math.max(0, Math.ceil((end - start) / step)) }
  })
  return cuts
}

const sliceShape = (context: ShapeContext): TensorType[] => [
  { type: required(context, 0).type, dims: cutsOf(context).map(({ count }) => count) },
]

/** `x` with the elements along `axes` in reverse order. */
function reverse(emit: Emitter, x: Value, axes: readonly number[]): Value {
  if (axes.length === 0) return x
  const all = (value: (axis: number) => number) => ints(emit, axes.map(value))
  const beyond = all((axis) => -dimOf(x, axis) - 1)
  return emit.op('Slice', [x, all(() => -1), beyond, ints(emit, axes), all(() => -1)])
}

/** `x` with step - 1 zeros after each element along `axis`. */
function spread(emit: Emitter, x: Value, axis: number, step: number): Value {
  if (step === 1) return x
  const before = x.dims.slice(0, axis + 1)
  const after = x.dims.slice(axis + 1)
  const columns = reshape(emit, x, [...before, 1, ...after])
  const none = columns.dims.map(() => 0)
  const padded = padZeros(emit, columns, none, none.with(axis + 1, step - 1))
  return reshape(emit, padded, [...x.dims.slice(0, axis), dimOf(x, axis) * step, ...after])
}

/** Before opset 10 starts, ends and axes were attributes. */
function boundsAsInputs({ attributes, inputs, emit }: UpgradeContext) {
  const { starts, ends, axes, ...rest } = attributes
  if (!Array.isArray(starts) || !Array.isArray(ends)) return { inputs, attributes }
  const given = Array.isArray(axes) ? [ints(emit, axes)] : []
  return { inputs: [inputs[0], ints(emit, starts), ints(emit, ends), ...given], attributes: rest }
}

const bounds = (...lists: (readonly number[] | undefined)[]) =>
  lists.map((values) => values && { dims: [values.length], type: 'int64' as const, values })

/** WebGPU slices no whole numbers, but gathers them. */
function gathered(emit: Emitter, context: ShapeContext): Formed | undefined {
  const x = required(context, 0)
  if (!emit.flat || (x.type !== 'int32' && x.type !== 'int64')) return undefined
  const y = cutsOf(context).reduce((from, { start, step, count }, axis) => {
    if (count === dimOf(from, axis) && step === 1) return from
    const places = Int32Array.from({ length: count }, (_, at) => start + step * at)
    const indices = emit.constant({ type: 'int32', dims: [count], data: places })
    return emit.op('Gather', [from, indices], { axis })
  }, x)
  return y === x ? undefined : { outputs: [y] }
}

/** Every step-th element from start to end. The gradient is put back where it came from, with zeros around it. */
export const Slice = defineOp('Slice', {
  shape: sliceShape,
  form: gathered,
  gradient: (context) => {
    const { emit } = context
    const x = required(context, 0)
    const [dy] = context.gradients
    if (!dy) return []
    const cuts = cutsOf(context)
    if (cuts.some(({ count }) => count === 0)) return [filled(emit, 0, x)]
    const backwards = cuts.flatMap(({ step }, axis) => (step < 0 ? [axis] : []))
    const spaced = cuts.reduce(
      (sum, { step, count }, axis) => (count > 1 ? spread(emit, sum, axis, Math.abs(step)) : sum),
      reverse(emit, dy, backwards),
    )
    const before = cuts.map(({ start, step, count }) => (step < 0 ? start + step * (count - 1) : start))
    const after = x.dims.map((dim, axis) => dim - itemAt(before, axis, 'pad') - dimOf(spaced, axis))
    return [padZeros(emit, spaced, before, after)]
  },
  rows: ({ inputs: [x], outputs: [y], carries, attributes, inputs }) => {
    if (!carries[0] || !x || x.dims[0] !== y?.dims[0]) return false
    const [first] = cutsOf({ op: 'Slice', name: '', inputs, attributes })
    return first?.step === 1
  },
  fold: foldPicking(sliceShape, (context, source) => {
    const strides = stridesOf(source.dims)
    const cuts = cutsOf(context)
    return (at) =>
      cuts.reduce(
        (sum, { start, step }, axis) =>
          sum + (start + step * itemAt(at, axis, 'axis')) * itemAt(strides, axis, 'stride'),
        0,
      )
  }),
  upgrade: boundsAsInputs,
  cases: [
    { name: 'all axes', inputs: [{ dims: [3, 4] }, ...bounds([1, 0], [3, 2])] },
    { name: 'one axis', inputs: [{ dims: [3, 4] }, ...bounds([1], [3], [1])] },
    { name: 'negative axis and indices', inputs: [{ dims: [3, 4] }, ...bounds([-3], [-1], [-1])] },
    { name: 'end beyond', inputs: [{ dims: [3, 4] }, ...bounds([1], [2 ** 62], [0])] },
    { name: 'start before', inputs: [{ dims: [3, 4] }, ...bounds([-100], [2], [1])] },
    { name: 'steps', inputs: [{ dims: [5, 7] }, ...bounds([1, 0], [5, 7], [0, 1], [2, 3])] },
    { name: 'steps over the end', inputs: [{ dims: [4] }, ...bounds([0], [4], [0], [3])] },
    { name: 'one of a step', inputs: [{ dims: [4] }, ...bounds([2], [4], [0], [5])] },
    { name: 'reversed', inputs: [{ dims: [2, 4] }, ...bounds([-1], [-(2 ** 62)], [1], [-1])] },
    { name: 'reversed, steps', inputs: [{ dims: [2, 7] }, ...bounds([5], [0], [1], [-2])] },
    { name: 'reversed from beyond', inputs: [{ dims: [4] }, ...bounds([20], [0], [0], [-3])] },
    { name: 'both directions', inputs: [{ dims: [3, 5] }, ...bounds([2, 0], [-9, 5], [0, 1], [-1, 2])] },
    { name: 'axes left out', inputs: [{ dims: [6] }, ...bounds([1], [5], undefined, [2])] },
    { name: 'empty', inputs: [{ dims: [3, 4] }, ...bounds([2], [1], [0])] },
    {
      name: 'axes out of order, steps of both signs',
      inputs: [{ dims: [4, 2, 5] }, ...bounds([4, 0, 0], [0, 4, 2], [-1, 0, 1], [-2, 3, 1])],
    },
    {
      name: 'int32 bounds',
      inputs: [
        { dims: [4, 3] },
        ...[[1], [-1], [0], [1]].map((values) => ({ dims: [1], type: 'int32' as const, values })),
      ],
    },
    { name: 'empty backwards', inputs: [{ dims: [4] }, ...bounds([0], [3], [0], [-1])] },
    { name: 'of nothing', inputs: [{ dims: [0, 3] }, ...bounds([0, 1], [5, 3])] },
    { name: 'one element', inputs: [{ dims: [3, 3] }, ...bounds([-1, -1], [9, 9], [0, 1], [7, 7])] },
    {
      name: 'steps, opset 10',
      inputs: [{ dims: [5, 4] }, ...bounds([0, 3], [5, 0], [0, 1], [2, -1])],
      opset: 10,
    },
    {
      name: 'negative indices, old',
      inputs: [{ dims: [3, 4] }],
      attributes: { starts: [-3, -1000], ends: [1000, -1], axes: [1, 0] },
      opset: 7,
    },
    { name: 'float64', inputs: [{ dims: [4], type: 'float64' }, ...bounds([1], [3])] },
    {
      name: 'folded',
      inputs: [{ dims: [5], type: 'int64', range: [0, 9] }, ...bounds([-1], [-6], [0], [-2])],
    },
    {
      name: 'bounds as attributes',
      inputs: [{ dims: [3, 4] }],
      attributes: { starts: [0, 1], ends: [2, 4], axes: [0, 1] },
      opset: 9,
    },
    {
      name: 'the last, as PyTorch writes it',
      inputs: [{ dims: [3, 4] }],
      attributes: { starts: [-1], ends: [2 ** 63], axes: [0] },
      opset: 9,
    },
    {
      name: 'axes left out, old',
      inputs: [{ dims: [3, 4] }],
      attributes: { starts: [1], ends: [3] },
      opset: 9,
    },
  ],
})
