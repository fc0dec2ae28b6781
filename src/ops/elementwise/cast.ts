import { ModelError } from '../../errors.ts'
import { dtypeOfCode, TensorCode } from '../../onnx/codes.ts'
import type { DType } from '../../tensor/tensor.ts'
import {
  cast,
  defineOp,
  foldElementwise,
  type OpCase,
  type OpDefinition,
  required,
  rowsElementwise,
} from '../core/index.ts'
import { smallest } from './unary.ts'

function castTarget(code: number): DType {
  const type = dtypeOfCode(code)
  if (!type)
    throw new ModelError(
      'unknown-type',
      `Cast to element type ${code}: the ONNX specification knows no such type.`,
    )
  return type
}

/** Types whose constants are not held as plain numbers stay with the runtime. */
const folds = (type: DType): boolean =>
  ['float32', 'float64', 'int64', 'int32', 'bool', 'uint8', 'int8', 'uint32'].includes(type)

/** ONNX Runtime has no Cast to or from bfloat16 on the CPU. */
const targets = [
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
] as const

/** Since opset 24 a cast may say how it rounds to 8-bit floats of exponents only, which nothing here casts to. */
const withoutRounding: OpDefinition['upgrade'] = ({ attributes: { round_mode: _, ...rest }, inputs }) => ({
  inputs,
  attributes: rest,
})

/** Between float types the gradient is cast back; from and to integers none passes. `saturate` is for 8-bit floats. */
export const Cast = defineOp('Cast', {
  shape: (context) => [
    { type: castTarget(context.attributes.int('to', 1)), dims: required(context, 0).dims },
  ],
  gradient: ({ emit, inputs: [x], gradients: [dy] }) => [x && dy && cast(emit, dy, x.type)],
  rows: rowsElementwise,
  fold: (inputs, context) => {
    const to = castTarget(context.attributes.int('to', 1))
    return folds(to)
      ? foldElementwise(
          (x) => x,
          () => to,
        )(inputs, context)
      : undefined
  },
  upgrade: withoutRounding,
  upgradesAll: true,
  cases: [
    ...targets.map(
      (type): OpCase => ({
        name: `float32 to ${type}`,
        inputs: [{ dims: [2, 3], range: [0, 5] }],
        attributes: { to: TensorCode[type] },
      }),
    ),
    { name: 'float64 to float32', inputs: [{ dims: [2, 3], type: 'float64' }], attributes: { to: 1 } },
    ...(['int8', 'uint8', 'int32', 'uint32', 'int64', 'bool'] as const).flatMap((type) =>
      [1, 7].map(
        (to): OpCase => ({
          name: `${type} to ${to === 1 ? 'float32' : 'int64'}, known while the graph is built`,
          inputs: [{ dims: [2, 2], type, range: [0, 2] }],
          attributes: { to },
        }),
      ),
    ),
    {
      name: 'integers to float16',
      inputs: [{ dims: [2], type: 'int64', range: [0, 5], constant: false }],
      attributes: { to: 10 },
    },
    {
      name: 'integers to booleans',
      inputs: [{ dims: [2], type: 'int32', range: [0, 5], constant: false }],
      attributes: { to: 9 },
    },
    ...smallest().map((item) => ({ ...item, attributes: { to: 11 } })),
    ...smallest('int64').map((item) => ({ ...item, attributes: { to: 1 } })),
    ...(['float32', 'float64', 'int32', 'bool'] as const).map(
      (type): OpCase => ({
        name: `float16 to ${type}`,
        inputs: [{ dims: [2, 3], type: 'float16', range: [0, 5], constant: false }],
        attributes: { to: TensorCode[type] },
      }),
    ),
    { name: 'float64 to float16', inputs: [{ dims: [3], type: 'float64' }], attributes: { to: 10 } },
    { name: 'opset 7', inputs: [{ dims: [3] }], attributes: { to: 11 }, opset: 7 },
    { name: 'opset 13', inputs: [{ dims: [3] }], attributes: { to: 6 }, opset: 13 },
    { name: 'saturate given', inputs: [{ dims: [2, 3] }], attributes: { to: 11, saturate: 1 } },
  ],
})

/** As {@link Cast}, to the type of the second input, whose values do not matter. */
export const CastLike = defineOp('CastLike', {
  shape: (context) => [{ type: required(context, 1).type, dims: required(context, 0).dims }],
  gradient: ({ emit, inputs: [x], gradients: [dy] }) => [x && dy && cast(emit, dy, x.type)],
  rows: ({ carries, inputs, outputs }) =>
    carries[0] === true && inputs[0]?.dims[0] === outputs[0]?.dims[0] && !carries[1],
  fold: ([x], context) => {
    const to = required(context, 1).type
    return folds(to)
      ? foldElementwise(
          (value) => value,
          () => to,
        )([x], context)
      : undefined
  },
  upgrade: withoutRounding,
  upgradesAll: true,
  cases: [
    { name: 'to float64', inputs: [{ dims: [2, 3] }, { dims: [1], type: 'float64' }], skip: [1] },
    { name: 'to float32', inputs: [{ dims: [2, 3], type: 'float64' }, { dims: [4] }], skip: [1] },
    {
      name: 'integers to floats',
      inputs: [
        { dims: [2], type: 'int64', values: [0, 5] },
        { dims: [], constant: true },
      ],
    },
    {
      name: 'scalar like something empty',
      inputs: [{ dims: [] }, { dims: [0], type: 'float64', constant: false }],
    },
    { name: 'empty', inputs: [{ dims: [0, 2] }, { dims: [], type: 'float64', constant: true }] },
    { name: 'to float16', inputs: [{ dims: [2, 3] }, { dims: [1], type: 'float16' }] },
    {
      name: 'from float16',
      inputs: [{ dims: [2], type: 'float16', constant: false }, { dims: [1] }],
      skip: [1],
    },
    {
      name: 'floats to integers',
      inputs: [{ dims: [2] }, { dims: [1], type: 'int32', constant: false }],
    },
    {
      name: 'known while the graph is built',
      inputs: [
        { dims: [2], type: 'int64', values: [3, 4] },
        { dims: [1], type: 'int32' },
      ],
    },
  ],
})
