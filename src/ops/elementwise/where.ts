import {
  broadcastDims,
  broadcastSquares,
  defineOp,
  expand,
  foldElementwise,
  indicator,
  mul,
  type OpDefinition,
  required,
  rowsElementwise,
  shapeError,
  sub,
} from '../core/index.ts'

const whereGradient: NonNullable<OpDefinition['gradient']> = ({
  emit,
  inputs: [condition],
  gradients: [dy],
  needs,
}) => {
  if (!condition || !dy) return []
  if (!needs[1])
    return [undefined, undefined, mul(emit, dy, indicator(emit, emit.op('Not', [condition]), dy))]
  const da = mul(emit, dy, indicator(emit, condition, dy))
  return [undefined, da, needs[2] ? sub(emit, dy, da) : undefined]
}

const condition = (dims: readonly number[], values?: readonly number[]) => ({
  dims,
  type: 'bool' as const,
  range: [0, 2] as const,
  constant: false,
  ...(values ? { values } : {}),
})

/**
 * y = a where the condition holds, else b: da = dy there, db = dy - da. A product with the condition as 0 and 1 takes
 * half the time of Where on the gradient, and broadcasts a small condition (an attention mask) for nothing.
 */
export const Where = defineOp('Where', {
  shape: (context) => {
    const [a, b] = [required(context, 1), required(context, 2)]
    if (required(context, 0).type !== 'bool') throw shapeError(context, 'the condition must be boolean.')
    if (a.type !== b.type) throw shapeError(context, 'both branches must be of one type.')
    return [{ type: a.type, dims: broadcastDims(context, required(context, 0).dims, a.dims, b.dims) }]
  },
  gradient: whereGradient,
  squares: (context) =>
    whereGradient(context).map((elementwise, index) => {
      const input = context.inputs[index]
      const out = context.outputs[0]
      if (!context.needs[index] || !elementwise || !input || !out) return undefined
      return broadcastSquares(
        context.emit,
        expand(context.emit, elementwise, out.dims),
        input.dims,
        context.samples,
      )
    }),
  rows: rowsElementwise,
  fold: foldElementwise(
    (holds, a, b) => (holds ? a : b),
    ([, a]) => a?.type ?? 'float32',
  ),
  cases: [
    { name: 'same dims', inputs: [condition([3, 4]), { dims: [3, 4] }, { dims: [3, 4] }] },
    { name: 'broadcast condition', inputs: [condition([4]), { dims: [2, 3, 4] }, { dims: [2, 3, 4] }] },
    { name: 'broadcast branches', inputs: [condition([2, 3, 4]), { dims: [3, 1] }, { dims: [4] }] },
    { name: 'scalar branch', inputs: [condition([2, 3]), { dims: [2, 3] }, { dims: [] }] },
    { name: 'scalars', inputs: [condition([]), { dims: [] }, { dims: [] }] },
    { name: 'scalar condition', inputs: [condition([]), { dims: [2, 3] }, { dims: [3] }] },
    { name: 'other scalar branch', inputs: [condition([2, 3]), { dims: [] }, { dims: [2, 3] }] },
    { name: 'condition of full dims', inputs: [condition([2, 3]), { dims: [] }, { dims: [1] }] },
    { name: 'empty', inputs: [condition([0, 3]), { dims: [3] }, { dims: [1] }] },
    { name: 'opset 9', inputs: [condition([2, 3]), { dims: [2, 3] }, { dims: [3] }], opset: 9 },
    { name: 'all broadcast', inputs: [condition([2, 1, 1]), { dims: [3, 1] }, { dims: [4] }] },
    {
      name: 'float64',
      inputs: [condition([3]), { dims: [2, 3], type: 'float64' }, { dims: [1], type: 'float64' }],
    },
    {
      name: 'int64',
      inputs: [
        condition([3]),
        { dims: [3], type: 'int64', range: [0, 9], constant: false },
        { dims: [], type: 'int64', range: [0, 9], constant: false },
      ],
    },
    {
      name: 'known while the graph is built',
      inputs: [
        { dims: [2], type: 'bool', values: [1, 0] },
        { dims: [2], type: 'int64', values: [3, 4] },
        { dims: [], type: 'int64', values: [-1] },
      ],
    },
    {
      name: 'parameter where the condition holds',
      inputs: [condition([3], [1, 0, 1]), { dims: [3], parameter: true }, { dims: [4, 2, 3] }],
    },
    {
      name: 'parameter elsewhere',
      inputs: [condition([2, 1], [1, 0]), { dims: [4, 2, 3] }, { dims: [2, 3], parameter: true }],
    },
  ],
})
