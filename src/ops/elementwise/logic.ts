import type { DType } from '../../tensor/tensor.ts'
import {
  broadcastDims,
  defineOp,
  foldElementwise,
  type OpCase,
  type OpDefinition,
  required,
  rowsElementwise,
  type ShapeContext,
  shapeError,
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
