import { defineOp } from './define.ts'
import { scale } from './emit.ts'
import { broadcastDims, required, rowsElementwise } from './shapes.ts'

/** The mean of any number of tensors, broadcast against each other: each gets its share of dy. */
export const Mean = defineOp('Mean', {
  shape: (context) => {
    const { type } = required(context, 0)
    return [{ type, dims: broadcastDims(context, ...context.inputs.map((input) => input?.dims ?? [])) }]
  },
  gradient: ({ emit, inputs, gradients: [dy] }) => {
    const share = dy && scale(emit, dy, 1 / inputs.length)
    return inputs.map(() => share)
  },
  rows: rowsElementwise,
  cases: [
    { name: 'one', inputs: [{ dims: [2, 3] }] },
    { name: 'two', inputs: [{ dims: [2, 3] }, { dims: [2, 3] }] },
    { name: 'three, broadcast', inputs: [{ dims: [2, 3] }, { dims: [3] }, { dims: [2, 1] }] },
  ],
})
