import type { DType } from '../../tensor/tensor.ts'
import {
  broadcastDims,
  broadcastSquares,
  defineOp,
  expand,
  foldElementwise,
  indicator,
  mul,
  type OpCase,
  type OpDefinition,
  required,
  rowsElementwise,
  type ShapeContext,
  shapeError,
  sub,
} from '../core/index.ts'
import { smallest } from './unary.ts'

/** Dims of both inputs broadcast together, which must be of one type; the output's is `type`, or theirs. */
export const pairShape = (type?: DType) => (context: ShapeContext) => {
  const a = required(context, 0)
  const b = required(context, 1)
  if (a.type !== b.type) throw shapeError(context, 'both inputs must be of one type.')
  return [{ type: type ?? a.type, dims: broadcastDims(context, a.dims, b.dims) }]
}

export const integerPair = (type: DType): OpCase => ({
  name: type,
  inputs: [
    { dims: [2, 3], type, range: [0, 3], constant: false },
    { dims: [3], type, range: [0, 3], constant: false },
  ],
})

/** Dims broadcast to the left, to the right, both ways, and not at all. */
export const broadcastPairs = (type: DType): OpCase[] =>
  (
    [
      [[3], [2, 3]],
      [[2, 3], [1]],
      [
        [2, 1, 4],
        [3, 1],
      ],
      [[], []],
      [[0, 2], [2]],
    ] as const
  ).map(([a, b]) => ({
    name: `${type}, [${a}] with [${b}]`,
    inputs: [
      { dims: a, type, range: [0, 3], constant: false },
      { dims: b, type, range: [0, 3], constant: false },
    ],
  }))

const knownPair = (type: DType): OpCase => ({
  name: 'known while the graph is built',
  inputs: [
    { dims: [2, 2], type, values: [0, 1, 1, 0] },
    { dims: [2], type, values: [0, 1] },
  ],
})

function comparison(
  apply: (a: number, b: number) => boolean,
  cases: readonly OpCase[] = [],
): Omit<OpDefinition, 'op'> {
  return {
    shape: pairShape('bool'),
    gradient: null,
    rows: rowsElementwise,
    fold: foldElementwise(
      (a, b) => Number(apply(a, b)),
      () => 'bool',
    ),
    cases: [
      ...broadcastPairs('float32'),
      {
        name: 'float64',
        inputs: [
          { dims: [2], type: 'float64' },
          { dims: [], type: 'float64' },
        ],
      },
      ...(['int8', 'uint8', 'int32', 'uint32', 'int64'] as const).map(integerPair),
      knownPair('int64'),
      ...cases,
    ],
  }
}

export const Equal = defineOp(
  'Equal',
  comparison((a, b) => a === b, [integerPair('bool')]),
)
export const Greater = defineOp(
  'Greater',
  comparison((a, b) => a > b),
)
export const GreaterOrEqual = defineOp(
  'GreaterOrEqual',
  comparison((a, b) => a >= b),
)
export const Less = defineOp(
  'Less',
  comparison((a, b) => a < b),
)
export const LessOrEqual = defineOp(
  'LessOrEqual',
  comparison((a, b) => a <= b),
)

function connective(apply: (a: number, b: number) => number): Omit<OpDefinition, 'op'> {
  return {
    shape: pairShape('bool'),
    gradient: null,
    rows: rowsElementwise,
    fold: foldElementwise(apply),
    cases: [integerPair('bool'), ...broadcastPairs('bool'), knownPair('bool')],
  }
}

export const And = defineOp(
  'And',
  connective((a, b) => a & b),
)
export const Or = defineOp(
  'Or',
  connective((a, b) => a | b),
)
export const Xor = defineOp(
  'Xor',
  connective((a, b) => a ^ b),
)

export const Not = defineOp('Not', {
  shape: (context) => [{ type: 'bool', dims: required(context, 0).dims }],
  gradient: null,
  rows: rowsElementwise,
  fold: foldElementwise((x) => 1 - x),
  cases: [
    ...smallest('bool'),
    { name: 'matrix', inputs: [{ dims: [2, 3], type: 'bool', range: [0, 2], constant: false }] },
    { name: 'known while the graph is built', inputs: [{ dims: [2], type: 'bool', values: [0, 1] }] },
  ],
})

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
