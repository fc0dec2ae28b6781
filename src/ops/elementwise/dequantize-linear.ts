import {
  type CompositeCase,
  type CompositeContext,
  defineComposite,
  refusal,
  required,
  type Value,
} from '../core/index.ts'

/** (x - zero point) scale of constants: the op itself, which needs no gradient then. */
function dequantised(context: CompositeContext): Value[] {
  const { emit, inputs, attributes } = context
  const x = required(context, 0)
  const scale = required(context, 1)
  if (inputs.some((input) => input && !input.constant)) {
    throw refusal(
      context,
      'it reads small integers that are computed at run time, and no gradient passes those. Train the model that this one was quantised from, and quantise it again.',
    )
  }
  const type = { type: scale.type, dims: x.dims }
  const block = attributes.int('block_size', 0)
  return emit.raw('DequantizeLinear', inputs, [type], {
    axis: attributes.int('axis', 1),
    ...(block > 0 ? { block_size: block } : {}),
  })
}

const scales = (dims: readonly number[]) => ({ dims, range: [0.1, 0.5], constant: true }) as const
const integers = (dims: readonly number[], type: 'int8' | 'uint8' | 'int16' = 'int8') =>
  ({ dims, type, range: [0, 100] }) as const

const cases: readonly CompositeCase[] = [
  { name: 'one scale', inputs: [integers([2, 3]), scales([])] },
  {
    name: 'a scale a row, zero points',
    inputs: [integers([3, 4], 'uint8'), scales([3]), integers([3], 'uint8')],
    attributes: { axis: 0 },
  },
  { name: '16 bits', inputs: [integers([2, 3], 'int16'), scales([])] },
]

/** Weights kept in small integers: constants here, whatever trains beside them. */
export const DequantizeLinear = defineComposite('', 'DequantizeLinear', {
  expand: dequantised,
  cases: [
    ...cases,
    {
      name: 'blocks',
      inputs: [integers([2, 4]), scales([2, 2]), integers([2, 2])],
      attributes: { axis: 1, block_size: 2 },
    },
  ],
})

/** As the standard op, which took on its types later. */
export const ContribDequantizeLinear = defineComposite('com.microsoft', 'DequantizeLinear', {
  expand: dequantised,
  cases,
})
