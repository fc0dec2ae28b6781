import { cast, reshape, type Value } from '../../ops/core/index.ts'
import type { BlockCall } from './call.ts'

/** Ops that work on each element by itself, with broadcasting. */
export const elementwiseOps: readonly string[] = [
  'Abs',
  'Acos',
  'Acosh',
  'Add',
  'And',
  'Asin',
  'Asinh',
  'Atan',
  'Atanh',
  'BitShift',
  'BitwiseAnd',
  'BitwiseNot',
  'BitwiseOr',
  'BitwiseXor',
  'Cast',
  'Ceil',
  'Celu',
  'Clip',
  'Cos',
  'Cosh',
  'Div',
  'Elu',
  'Equal',
  'Erf',
  'Exp',
  'Floor',
  'Gelu',
  'Greater',
  'GreaterOrEqual',
  'HardSigmoid',
  'HardSwish',
  'IsInf',
  'IsNaN',
  'LeakyRelu',
  'Less',
  'LessOrEqual',
  'Log',
  'Max',
  'Mean',
  'Min',
  'Mish',
  'Mod',
  'Mul',
  'Neg',
  'Not',
  'Or',
  'PRelu',
  'Pow',
  'Reciprocal',
  'Relu',
  'Round',
  'Selu',
  'Shrink',
  'Sigmoid',
  'Sign',
  'Sin',
  'Sinh',
  'Softplus',
  'Softsign',
  'Sqrt',
  'Sub',
  'Sum',
  'Tan',
  'Tanh',
  'ThresholdedRelu',
  'Where',
  'Xor',
]

/**
 * Rows of all blocks stay rows where every operand that is held has the output's first dim, and no other operand has one;
 * else a held operand gets the output's rank behind the axis of the blocks.
 */
export function elementwise(call: BlockCall): Value[] | undefined {
  const { blocks, inputs, op, types } = call
  // Bounds are single numbers, and do not broadcast.
  if (op === 'Clip' && inputs.slice(1).some((input) => blocks.isHeld(input))) return undefined
  const out = types[0]?.dims ?? []
  // Of ops that broadcast one way only: what has more axes than the output is refused by the op itself.
  if (inputs.some((input) => input && input.dims.length > out.length)) return undefined
  const plain = inputs.every((input) => {
    if (!input) return true
    const whole = input.dims.length === out.length
    if (blocks.isHeld(input)) return whole && out.length > 0 && input.dims[0] === out[0]
    return input.dims.length < out.length || (whole && input.dims[0] === 1)
  })
  const ranked = (value: Value): Value =>
    reshape(blocks.builder, blocks.stacked(value), [
      blocks.count,
      ...new Array<number>(out.length - value.dims.length).fill(1),
      ...value.dims,
    ])
  const given = inputs.map((input) =>
    input && blocks.isHeld(input) ? (plain ? blocks.toRows(input) : ranked(input)) : input,
  )
  const values = blocks.builder.add({ ...call, inputs: given })
  return values.map((value) => (plain ? blocks.fromRows(value) : blocks.fromStacked(value)))
}

/** Of the second operand the type alone counts. */
export function castLike({ blocks, inputs: [x, like] }: BlockCall): Value[] | undefined {
  if (!x || !like) return undefined
  if (!blocks.isHeld(x)) return [cast(blocks.builder, x, like.type)]
  return [blocks.fromStacked(cast(blocks.builder, blocks.stacked(x), like.type))]
}
