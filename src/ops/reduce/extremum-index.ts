import {
  defineOp,
  isFirstAxis,
  type OpCase,
  type OpDefinition,
  positiveAxis,
  required,
} from '../core/index.ts'

const cases: readonly OpCase[] = [
  { name: 'defaults', inputs: [{ dims: [3, 4], distinct: true }] },
  { name: 'last axis', inputs: [{ dims: [2, 3, 4] }], attributes: { axis: 2 } },
  { name: 'negative axis, dropped', inputs: [{ dims: [2, 3, 4] }], attributes: { axis: -2, keepdims: 0 } },
  {
    name: 'last of equals',
    inputs: [{ dims: [4], values: [1, 2, 2, 1] }],
    attributes: { select_last_index: 1, keepdims: 0 },
  },
  {
    name: 'last of equals along a negative axis, kept',
    inputs: [{ dims: [2, 3], values: [1, 2, 2, 0, 0, -1] }],
    attributes: { select_last_index: 1, axis: -1 },
  },
  { name: 'a vector to a scalar', inputs: [{ dims: [4], distinct: true }], attributes: { keepdims: 0 } },
  { name: 'opset 7', inputs: [{ dims: [2, 3] }], attributes: { axis: 1 }, opset: 7 },
  {
    name: 'opset 12',
    inputs: [{ dims: [4], values: [1, 2, 2, 1] }],
    attributes: { select_last_index: 1 },
    opset: 12,
  },
  { name: 'float64', inputs: [{ dims: [3, 2], type: 'float64' }], attributes: { axis: 1 } },
  ...(['int8', 'uint8', 'int32', 'int64'] as const).map((type) => ({
    name: type,
    inputs: [{ dims: [3, 4], type, range: [0, 9] as const, constant: false }],
  })),
]

/** Where along `axis` (default 0) the extremum lies: int64, nothing to differentiate. */
const indexOfExtremum = (): Omit<OpDefinition, 'op'> => ({
  shape: (context) => {
    const { dims } = required(context, 0)
    const reduced = positiveAxis(context, context.attributes.int('axis', 0), dims.length)
    const keep = context.attributes.int('keepdims', 1) !== 0
    return [
      {
        type: 'int64',
        dims: keep
          ? dims.map((dim, axis) => (axis === reduced ? 1 : dim))
          : dims.filter((_, axis) => axis !== reduced),
      },
    ]
  },
  gradient: null,
  rows: ({ inputs, carries, attributes }) => {
    const axis = attributes.int('axis', 0)
    return carries[0] === true && !isFirstAxis(axis, inputs[0])
  },
  cases,
})

export const ArgMax = defineOp('ArgMax', indexOfExtremum())
export const ArgMin = defineOp('ArgMin', indexOfExtremum())
