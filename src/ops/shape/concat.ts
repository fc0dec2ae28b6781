import { zeros } from '../../tensor/bytes.ts'
import { sizeOf, type Tensor, type TensorType } from '../../tensor/tensor.ts'
import {
  constantInts,
  copyElements,
  defineOp,
  filled,
  foldableInputs,
  type GradientContext,
  ints,
  type OpCase,
  positiveAxis,
  required,
  type ShapeContext,
  shapeError,
  type Value,
} from '../core/index.ts'

function concatAxis(context: Omit<ShapeContext, 'outputs'>): number {
  const rank = required(context, 0).dims.length
  return positiveAxis({ ...context, outputs: 1 }, context.attributes.int('axis', 1), rank)
}

function concatShape(context: ShapeContext): TensorType[] {
  const first = required(context, 0)
  const axis = concatAxis(context)
  let total = 0
  for (const index of context.inputs.keys()) {
    const { type, dims } = required(context, index)
    const fits =
      dims.length === first.dims.length && dims.every((dim, at) => at === axis || dim === first.dims[at])
    if (!fits || type !== first.type)
      throw shapeError(context, `input ${index} does not fit input 0 along all axes but ${axis}.`)
    total += dims[axis] ?? 0
  }
  return [{ type: first.type, dims: first.dims.map((dim, at) => (at === axis ? total : dim)) }]
}

/** Copies blocks of consecutive elements between one long tensor and its parts along `axis`. */
function blocks(
  whole: Tensor,
  parts: readonly Tensor[],
  axis: number,
  copy: (part: Tensor, partStart: number, wholeStart: number, count: number) => void,
): void {
  const lead = sizeOf(whole.dims.slice(0, axis))
  const step = sizeOf(whole.dims.slice(axis))
  let offset = 0
  for (const part of parts) {
    const count = sizeOf(part.dims.slice(axis))
    for (let row = 0; row < lead; row++) copy(part, row * count, row * step + offset, count)
    offset += count
  }
}

/** Sizes along `axis`, for Split. */
const sizesAlong = (values: readonly (Value | undefined)[], axis: number): number[] =>
  values.map((value) => value?.dims[axis] ?? 0)

/** One input after the other along an axis: the gradient is cut at the same places. */
export const Concat = defineOp('Concat', {
  shape: concatShape,
  gradient: (context) => {
    const { emit, inputs, needs } = context
    const [dy] = context.gradients
    if (!dy) return []
    const axis = concatAxis(context)
    if (inputs.length === 1) return [dy]
    const sizes = sizesAlong(inputs, axis)
    if (needs.filter(Boolean).length > 1) {
      return emit.ops('Split', [dy, ints(emit, sizes)], sizes.length, { axis })
    }
    let start = 0
    return sizes.map((size, index) => {
      const from = start
      start += size
      if (!needs[index]) return undefined
      return emit.op('Slice', [dy, ints(emit, [from]), ints(emit, [start]), ints(emit, [axis])])
    })
  },
  // A part that does not carry the samples may still mix them, unless it is a constant.
  rows: ({ attributes, inputs, carries }) => {
    const axis = attributes.int('axis', 1)
    const first = axis === 0 || axis === -(inputs[0]?.dims.length ?? 0)
    return !first && inputs.every((input, index) => carries[index] || input?.constant !== undefined)
  },
  fold: (inputs, context) => {
    const parts = foldableInputs(inputs)
    if (!parts) return undefined
    const [type] = concatShape(context)
    if (!type) return undefined
    const whole = zeros(type.type, type.dims)
    blocks(whole, parts, concatAxis(context), (part, partStart, wholeStart, count) =>
      copyElements(whole, wholeStart, part, partStart, count),
    )
    return [whole]
  },
  cases: [
    { name: 'last axis', inputs: [{ dims: [2, 3] }, { dims: [2, 1] }], attributes: { axis: 1 } },
    { name: 'first axis', inputs: [{ dims: [2, 3] }, { dims: [1, 3] }], attributes: { axis: 0 } },
    {
      name: 'three, middle axis, negative',
      inputs: [{ dims: [2, 1, 2] }, { dims: [2, 3, 2] }, { dims: [2, 2, 2] }],
      attributes: { axis: -2 },
    },
    { name: 'one', inputs: [{ dims: [2, 3] }], attributes: { axis: 0 } },
    { name: 'vectors', inputs: [{ dims: [2] }, { dims: [1] }, { dims: [3] }], attributes: { axis: -1 } },
    { name: 'the same twice over', inputs: [{ dims: [2, 2] }, { dims: [2, 2] }], attributes: { axis: -2 } },
    { name: 'opset 7', inputs: [{ dims: [2, 3] }, { dims: [2, 1] }], attributes: { axis: 1 }, opset: 7 },
    {
      name: 'negative axis, opset 11',
      inputs: [{ dims: [2, 3] }, { dims: [2, 1] }],
      attributes: { axis: -1 },
      opset: 11,
    },
    {
      name: 'one constant among them',
      inputs: [{ dims: [2, 1], constant: true }, { dims: [2, 2] }],
      attributes: { axis: 1 },
    },
    {
      name: 'an empty one',
      inputs: [{ dims: [2, 0] }, { dims: [2, 2] }],
      attributes: { axis: 1 },
      skip: [0],
    },
    {
      name: 'float64',
      inputs: [
        { dims: [2], type: 'float64' },
        { dims: [3], type: 'float64' },
      ],
      attributes: { axis: 0 },
    },
    {
      name: 'folded',
      inputs: [
        { dims: [2, 1], type: 'int64', values: [1, 2] },
        { dims: [2, 2], type: 'int64', values: [3, 4, 5, 6] },
      ],
      attributes: { axis: 1 },
    },
  ],
})

function splitSizes(context: ShapeContext): number[] {
  const x = required(context, 0)
  const axis = splitAxis(context)
  const dim = x.dims[axis] ?? 0
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
  return [parts.length === 1 ? parts[0] : emit.op('Concat', parts, { axis: axis - x.dims.length })]
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
    return carries[0] === true && axis !== 0 && axis !== -(inputs[0]?.dims.length ?? 0)
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
