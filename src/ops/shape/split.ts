import { zeros } from '../../tensor/bytes.ts'
import type { TensorType } from '../../tensor/tensor.ts'
import {
  concat,
  constantInts,
  copyElements,
  defineOp,
  dimOf,
  filled,
  foldableInputs,
  type GradientContext,
  ints,
  isFirstAxis,
  type OpCase,
  positiveAxis,
  required,
  type ShapeContext,
  shapeError,
  type Value,
} from '../core/index.ts'
import { blocks } from './concat.ts'

function splitSizes(context: ShapeContext): number[] {
  const x = required(context, 0)
  const axis = splitAxis(context)
  const dim = dimOf(x, axis)
  if (context.inputs[1]) {
    const sizes = constantInts(context, 1)
    const total = sizes.reduce((sum, size) => sum + size, 0)
    if (total !== dim || sizes.length !== context.outputs || sizes.some((size) => size < 0)) {
      throw shapeError(
        context,
        `sizes [${sizes}] must be ${context.outputs} that make up axis ${axis} (${dim}).`,
      )
    }
    return sizes
  }
  const count = context.attributes.int('num_outputs', context.outputs)
  const chunk = Math.ceil(dim / count)
  const last = dim - chunk * (count - 1)
  if (last < 0 || count < context.outputs)
    throw shapeError(context, `axis ${axis} of size ${dim} cannot be split into ${count}.`)
  return Array.from({ length: count }, (_, index) => (index === count - 1 ? last : chunk))
}

const splitAxis = (context: ShapeContext): number =>
  positiveAxis(context, context.attributes.int('axis', 0), required(context, 0).dims.length)

const splitShape = (context: ShapeContext): TensorType[] => {
  const x = required(context, 0)
  const axis = splitAxis(context)
  return splitSizes(context).map((size) => ({
    type: x.type,
    dims: x.dims.map((dim, at) => (at === axis ? size : dim)),
  }))
}

/** The parts' gradients, one after the other; zeros for a part that nothing uses. */
function splitGradient(context: GradientContext): (Value | undefined)[] {
  const { emit, outputs, gradients } = context
  const x = required(context, 0)
  const axis = splitAxis({ ...context, outputs: outputs.length })
  const parts = outputs.map((output, index) => gradients[index] ?? filled(emit, 0, output))
  return [concat(emit, parts, axis - x.dims.length)]
}

const sizesInput = (values: readonly number[]) => ({ dims: [values.length], type: 'int64' as const, values })

const splitCases: readonly OpCase[] = [
  { name: 'sizes', inputs: [{ dims: [2, 5] }, sizesInput([2, 3])], attributes: { axis: 1 }, outputs: 2 },
  { name: 'even', inputs: [{ dims: [6, 2] }], attributes: { num_outputs: 3 }, outputs: 3 },
  {
    name: 'smaller last',
    inputs: [{ dims: [2, 7] }],
    attributes: { axis: -1, num_outputs: 3 },
    outputs: 3,
  },
  {
    name: 'one output unused',
    inputs: [{ dims: [2, 6] }],
    attributes: { axis: 1, num_outputs: 3 },
    outputs: 3,
    through: [0, 2],
  },
  { name: 'an empty part', inputs: [{ dims: [2, 3] }, sizesInput([0, 2])], outputs: 2 },
  { name: 'one part', inputs: [{ dims: [2, 3] }], attributes: { num_outputs: 1 } },
  { name: 'float64', inputs: [{ dims: [4], type: 'float64' }], attributes: { num_outputs: 2 }, outputs: 2 },
  {
    name: 'folded',
    inputs: [{ dims: [2, 3], type: 'int64', range: [0, 9] }, sizesInput([1, 2])],
    attributes: { axis: 1 },
    outputs: 2,
  },
  {
    name: 'sizes as attribute',
    inputs: [{ dims: [2, 5] }],
    attributes: { axis: 1, split: [4, 1] },
    outputs: 2,
    opset: 11,
  },
  { name: 'even, old', inputs: [{ dims: [6, 2] }], outputs: 3, opset: 13 },
  { name: 'default axis', inputs: [{ dims: [5, 2] }, sizesInput([1, 4])], outputs: 2 },
  {
    name: 'negative axis, sizes',
    inputs: [{ dims: [2, 3, 2] }, sizesInput([2, 1])],
    attributes: { axis: -2 },
    outputs: 2,
  },
  { name: 'chunks of one', inputs: [{ dims: [3] }], attributes: { num_outputs: 3 }, outputs: 3 },
  {
    name: 'nothing to split',
    inputs: [{ dims: [0, 4] }, sizesInput([1, 3])],
    attributes: { axis: 1 },
    outputs: 2,
  },
  {
    name: 'sizes, opset 13',
    inputs: [{ dims: [2, 5] }, sizesInput([2, 3])],
    attributes: { axis: -1 },
    outputs: 2,
    opset: 13,
  },
  {
    name: 'num_outputs, opset 18',
    inputs: [{ dims: [2, 5] }],
    attributes: { axis: 1, num_outputs: 2 },
    outputs: 2,
    opset: 18,
  },
  {
    name: 'sizes as attribute, opset 7',
    inputs: [{ dims: [5, 2] }],
    attributes: { split: [2, 2, 1] },
    outputs: 3,
    opset: 7,
  },
  { name: 'even, opset 7', inputs: [{ dims: [2, 4] }], attributes: { axis: 1 }, outputs: 2, opset: 7 },
]

/** Cuts along an axis: the gradients of the parts are put together again. */
export const Split = defineOp('Split', {
  shape: splitShape,
  gradient: splitGradient,
  rows: ({ attributes, inputs, carries }) => {
    const axis = attributes.int('axis', 0)
    return carries[0] === true && !isFirstAxis(axis, inputs[0])
  },
  fold: ([x], context) => {
    if (!x || !foldableInputs([x])) return undefined
    const parts = splitShape(context).map(({ type, dims }) => zeros(type, dims))
    blocks(x, parts, splitAxis(context), (part, partStart, wholeStart, count) =>
      copyElements(part, partStart, x, wholeStart, count),
    )
    return parts
  },
  // Before opset 13 the sizes were an attribute; before 18 their number was that of the outputs.
  upgrade: ({ attributes: { split, ...rest }, inputs, emit, outputs }) => {
    if (Array.isArray(split)) return { inputs: [inputs[0], ints(emit, split)], attributes: rest }
    const count = inputs[1] || 'num_outputs' in rest || outputs === undefined ? {} : { num_outputs: outputs }
    return { inputs, attributes: { ...rest, ...count } }
  },
  cases: splitCases,
})
