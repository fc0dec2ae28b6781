import { expect, it } from 'vitest'
import { float32 } from '../tensor/tensor.ts'
import { GraphBuilder } from './builder.ts'
import { perSampleSquares } from './squares.ts'

it.each(['PRelu', 'Mul'])('claims no closed form for %s where steps come before samples', (op) => {
  const builder = new GraphBuilder()
  const x = builder.input('x', { type: 'float32', dims: [2, 4, 3] })
  const slope = builder.parameter('slope', float32([3], [1, 2, 3]))
  const y = builder.op(op, [builder.op('Transpose', [x], { perm: [1, 0, 2] }), slope])
  expect(perSampleSquares(builder, [{ of: y, gradient: y }], [slope], [x], 2)).toEqual([undefined])
})
