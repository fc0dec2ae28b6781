import { itemAt } from '../../required.ts'
import { zeros } from '../../tensor/bytes.ts'
import { sizeOf, type Tensor, type TensorType } from '../../tensor/tensor.ts'
import {
  copyElements,
  defineOp,
  foldableInputs,
  ints,
  isFirstAxis,
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
    total += itemAt(dims, axis, 'axis')
  }
  return [{ type: first.type, dims: first.dims.map((dim, at) => (at === axis ? total : dim)) }]
}

/** Copies blocks of consecutive elements between one long tensor and its parts along `axis`. */
export function blocks(
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
    const first = isFirstAxis(axis, inputs[0])
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
