import { itemAt } from '../../required.ts'
import { int64, sizeOf, toNumbers } from '../../tensor/tensor.ts'
import { type CaseInput, defineComposite, filled, refusal, required, reshape } from '../core/index.ts'
import { padZeros } from '../shape/index.ts'

const list = (values: readonly number[]): CaseInput => ({ dims: [values.length], type: 'int64', values })
const condition = (values: readonly number[]): CaseInput => ({ dims: [values.length], type: 'bool', values })

/** Keeps what a known condition says, along an axis or of the flattened input. */
export const Compress = defineComposite('', 'Compress', {
  expand: (context) => {
    const { emit, attributes } = context
    const x = required(context, 0)
    const known = required(context, 1).constant
    if (!known)
      throw refusal(context, 'its condition is computed at run time, so its output has no fixed dims.')
    const kept = toNumbers(known).flatMap((value, at) => (value ? [at] : []))
    const axis = attributes.optionalInt('axis')
    const from = axis === undefined ? reshape(emit, x, [sizeOf(x.dims)]) : x
    return [emit.op('Gather', [from, emit.constant(int64([kept.length], kept))], { axis: axis ?? 0 })]
  },
  cases: [
    { name: 'flattened', inputs: [{ dims: [2, 3] }, condition([1, 0, 0, 1, 1])] },
    { name: 'rows', inputs: [{ dims: [3, 2] }, condition([0, 1, 1])], attributes: { axis: 0 } },
    { name: 'short condition', inputs: [{ dims: [2, 4] }, condition([0, 1])], attributes: { axis: 1 } },
    { name: 'negative axis', inputs: [{ dims: [2, 2, 3] }, condition([1, 0, 1])], attributes: { axis: -1 } },
  ],
})

/** The middle of each axis, or zeros around it; of an odd difference the larger half lies at the end. */
export const CenterCropPad = defineComposite('', 'CenterCropPad', {
  expand: (context) => {
    const { emit, attributes } = context
    const x = required(context, 0)
    const shape = required(context, 1).constant
    if (!shape) throw refusal(context, 'its shape is computed at run time. Make it a constant.')
    const rank = x.dims.length
    const axes = (attributes.ints('axes') ?? x.dims.map((_, axis) => axis)).map(
      (axis) => (axis + rank) % rank,
    )
    const asked = toNumbers(shape)
    const growth = x.dims.map((dim, axis) => {
      const at = axes.indexOf(axis)
      return at < 0 ? 0 : (asked[at] ?? dim) - dim
    })
    const before = growth.map((more) => Math.trunc(more / 2))
    return [
      padZeros(
        emit,
        x,
        before,
        growth.map((more, axis) => more - itemAt(before, axis, 'pad')),
      ),
    ]
  },
  cases: [
    { name: 'crop', inputs: [{ dims: [5, 6] }, list([2, 4])] },
    { name: 'pad', inputs: [{ dims: [2, 3] }, list([5, 4])] },
    { name: 'both', inputs: [{ dims: [2, 7, 3] }, list([3, 4, 3])] },
    { name: 'axes', inputs: [{ dims: [2, 5, 3] }, list([2, 6])], attributes: { axes: [1, -1] } },
    { name: 'nothing to do', inputs: [{ dims: [2, 3] }, list([2, 3])] },
  ],
})

/** Puts pooled values back where MaxPool found them, zeros elsewhere. */
export const MaxUnpool = defineComposite('', 'MaxUnpool', {
  expand: (context) => {
    const { emit, attributes, inputs } = context
    const x = required(context, 0)
    const indices = required(context, 1)
    const spatial = x.dims.slice(2)
    const kernel = attributes.ints('kernel_shape') ?? []
    const strides = attributes.ints('strides')
    const pads = attributes.ints('pads')
    if (inputs[2] && !inputs[2].constant)
      throw refusal(context, 'its output shape is computed at run time. Make it a constant.')
    const dims = inputs[2]?.constant
      ? toNumbers(inputs[2].constant)
      : [
          ...x.dims.slice(0, 2),
          ...spatial.map((size, at) => {
            const margin = (pads?.[at] ?? 0) + (pads?.[at + spatial.length] ?? 0)
            return (size - 1) * (strides?.[at] ?? 1) + (kernel[at] ?? 1) - margin
          }),
        ]
    const flat = [sizeOf(x.dims)]
    const empty = filled(emit, 0, { ...x, dims: [sizeOf(dims)] })
    const parts = [empty, reshape(emit, indices, flat), reshape(emit, x, flat)]
    return [reshape(emit, emit.op('ScatterElements', parts, { axis: 0 }), dims)]
  },
  cases: [
    {
      name: 'two by two',
      inputs: [{ dims: [1, 1, 2, 2] }, { dims: [1, 1, 2, 2], type: 'int64', values: [5, 7, 8, 15] }],
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    },
    {
      name: 'pads',
      inputs: [{ dims: [1, 2, 3] }, { dims: [1, 2, 3], type: 'int64', values: [0, 2, 3, 5, 6, 9] }],
      attributes: { kernel_shape: [3], strides: [2], pads: [1, 1] },
    },
    {
      name: 'output shape given',
      inputs: [
        { dims: [1, 1, 2, 2] },
        { dims: [1, 1, 2, 2], type: 'int64', values: [5, 7, 13, 19] },
        list([1, 1, 5, 5]),
      ],
      attributes: { kernel_shape: [2, 2], strides: [2, 2] },
    },
  ],
})
