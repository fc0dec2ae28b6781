import { defineOp } from './define.ts'
import { positiveAxis, required } from './shapes.ts'

/** Rows of X along `axis` by index. */
export const Gather = defineOp('Gather', {
  shape: (context) => {
    const x = required(context, 0)
    const indices = required(context, 1)
    const axis = positiveAxis(context, context.attributes.int('axis', 0), x.dims.length)
    return [{ type: x.type, dims: [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)] }]
  },
  gradient: null,
  rows: ({ carries, attributes }) => carries[1] === true && !carries[0] && attributes.int('axis', 0) === 0,
  cases: [],
})
