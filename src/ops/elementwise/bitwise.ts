import type { DType } from '../../tensor/tensor.ts'
import { defineOp, type OpCase, type OpDefinition, required, rowsElementwise } from '../core/index.ts'
import { broadcastPairs, integerPair, pairShape } from './logic.ts'
import { smallest } from './unary.ts'

// ONNX Runtime has the bitwise ops for all integers, but BitShift for uint8, uint32 and uint64 only.

const integers = ['int8', 'uint8', 'int32', 'uint32', 'int64', 'uint64'] as const satisfies readonly DType[]

const bitwise = (): Omit<OpDefinition, 'op'> => ({
  shape: pairShape(),
  gradient: null,
  rows: rowsElementwise,
  cases: [...integers.map(integerPair), ...broadcastPairs('int32')],
})

export const BitwiseAnd = defineOp('BitwiseAnd', bitwise())
export const BitwiseOr = defineOp('BitwiseOr', bitwise())
export const BitwiseXor = defineOp('BitwiseXor', bitwise())

export const BitwiseNot = defineOp('BitwiseNot', {
  shape: (context) => [{ type: required(context, 0).type, dims: required(context, 0).dims }],
  gradient: null,
  rows: rowsElementwise,
  cases: [
    ...smallest('int32'),
    ...integers.map((type) => ({
      name: type,
      inputs: [{ dims: [2, 3], type, range: [0, 9] as const, constant: false }],
    })),
  ],
})

/** Shifts by the second input's number of bits, in the direction that the attribute gives. */
export const BitShift = defineOp('BitShift', {
  shape: pairShape(),
  gradient: null,
  rows: rowsElementwise,
  cases: ['LEFT', 'RIGHT'].flatMap((direction): OpCase[] =>
    [...(['uint8', 'uint32', 'uint64'] as const).map(integerPair), ...broadcastPairs('uint32')].map(
      (item) => ({ ...item, name: `${item.name}, ${direction}`, attributes: { direction } }),
    ),
  ),
})
