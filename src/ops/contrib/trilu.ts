import { defineComposite, required } from '../core/index.ts'

/** As the standard op, which came later. */
export const Trilu = defineComposite('com.microsoft', 'Trilu', {
  expand: (context) => [
    context.emit.op('Trilu', [required(context, 0), context.inputs[1]], {
      upper: context.attributes.int('upper', 1),
    }),
  ],
  cases: [
    { name: 'upper', inputs: [{ dims: [3, 4] }] },
    {
      name: 'lower',
      inputs: [{ dims: [2, 3, 3] }, { dims: [], type: 'int64', values: [-1] }],
      attributes: { upper: 0 },
    },
  ],
})
