import { expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { float32 } from '../../tensor/tensor.ts'

it('is not folded when a constant table is read by indices known only at run time', () => {
  const builder = new GraphBuilder()
  const indices = builder.input('indices', { type: 'int32', dims: [3] })
  const rows = builder.op('Gather', [builder.constant(float32([2, 1], [5, 6])), indices])
  expect(rows.constant).toBeUndefined()
})
