import { type CaseInput, defineOp, required, sameAsFirst, shapeError } from '../core/index.ts'

const lengths = (values: readonly number[]): CaseInput => ({ dims: [values.length], type: 'int64', values })
const batchFirst = { batch_axis: 0, time_axis: 1 }

/** The first `sequence_lens[i]` elements of sample i backwards, the rest as it is. It undoes itself: so does dy. */
export const ReverseSequence = defineOp('ReverseSequence', {
  shape: (context) => {
    const batch = required(context, 0).dims[context.attributes.int('batch_axis', 1)]
    if (batch === undefined || required(context, 1).dims[0] !== batch)
      throw shapeError(context, 'needs one length for each sample of the batch axis.')
    return sameAsFirst(context)
  },
  gradient: ({ emit, inputs: [, count], gradients: [dy], attributes }) => {
    if (!dy || !count) return []
    const axes = { batch_axis: attributes.int('batch_axis', 1), time_axis: attributes.int('time_axis', 0) }
    return [emit.op('ReverseSequence', [dy, count], axes)]
  },
  rows: ({ carries, attributes }) => carries[0] === true && attributes.int('batch_axis', 1) === 0,
  cases: [
    { name: 'time first', inputs: [{ dims: [4, 3, 2] }, lengths([4, 1, 3])] },
    { name: 'batch first', inputs: [{ dims: [3, 4] }, lengths([2, 4, 3])], attributes: batchFirst },
    {
      name: 'lengths at run time',
      inputs: [{ dims: [2, 3, 2] }, { ...lengths([2, 3]), constant: false }],
      attributes: batchFirst,
    },
    { name: 'float64', inputs: [{ dims: [3, 2], type: 'float64' }, lengths([2, 3])] },
  ],
})
