import { defineComposite, defineOp, type OpCase, required, rowsFirst } from '../core/index.ts'

const scales = (dims: readonly number[]) => ({ dims, range: [0.1, 0.5], constant: true }) as const
const integers = (dims: readonly number[], type: 'int8' | 'uint8' | 'int16' = 'int8') =>
  ({ dims, type, range: [0, 100] }) as const

const cases: readonly OpCase[] = [
  { name: 'one scale', inputs: [integers([2, 3]), scales([])] },
  {
    name: 'a scale a row, zero points',
    inputs: [integers([3, 4], 'uint8'), scales([3]), integers([3], 'uint8')],
    attributes: { axis: 0 },
  },
  { name: '16 bits', inputs: [integers([2, 3], 'int16'), scales([])] },
]

/** (x - zero point) scale: weights kept in small integers, whole or the rows that are asked for, which do not train here. */
export const DequantizeLinear = defineOp('DequantizeLinear', {
  shape: (context) => [{ type: required(context, 1).type, dims: required(context, 0).dims }],
  gradient: null,
  rows: rowsFirst,
  cases: [
    ...cases,
    {
      name: 'blocks',
      inputs: [integers([2, 4]), scales([2, 2]), integers([2, 2])],
      attributes: { axis: 1, block_size: 2 },
    },
    {
      name: 'a scale a column, counted from the back',
      inputs: [integers([2, 3]), scales([3]), integers([3])],
      attributes: { axis: -1 },
    },
    {
      name: 'integers that are fed',
      inputs: [{ ...integers([2, 3], 'uint8'), constant: false }, scales([]), integers([], 'uint8')],
    },
  ],
})

/** As the standard op, which took on its types later. */
export const ContribDequantizeLinear = defineComposite('com.microsoft', 'DequantizeLinear', {
  expand: ({ emit, inputs, attributes }) => {
    const block = attributes.int('block_size', 0)
    const axis = attributes.int('axis', 1)
    return [emit.op('DequantizeLinear', inputs, { axis, ...(block > 0 && { block_size: block }) })]
  },
  cases,
})
