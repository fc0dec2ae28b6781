import { expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { backward } from '../src/autodiff/gradients.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Attributes } from '../src/onnx/graph.ts'
import { float32, toNumbers } from '../src/tensor/tensor.ts'

/** dX for an input of zeros, as a Relu leaves them behind, from a dY of 1, 2, 3, ... */
async function gradientOfZeros(dims: readonly number[], attributes: Attributes): Promise<number[]> {
  const builder = new GraphBuilder()
  const x = builder.input('x', { type: 'float32', dims })
  const y = builder.op('MaxPool', [x], attributes)
  const size = y.dims.reduce((a, b) => a * b, 1)
  const gradient = builder.constant(
    float32(
      y.dims,
      Array.from({ length: size }, (_, at) => at + 1),
    ),
  )
  const [dx] = backward(builder, [{ of: y, gradient }], [x])
  if (!dx) throw new Error('no gradient')
  const name = builder.output(dx, 'dx').name
  const executable = await ortNode({ threads: 1 }).load(encodeGraph(builder.finish('ties')))
  const result = (await executable.run(new Map([['x', float32(dims)]]))).get(name)
  await executable.dispose()
  return result ? toNumbers(result) : []
}

it('gives the gradient of equal elements to the first of the window', async () => {
  const dx = await gradientOfZeros([1, 1, 4, 4], { kernel_shape: [2, 2], strides: [2, 2] })
  expect(dx).toEqual([1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0])
})

it('adds up where overlapping windows have one maximum', async () => {
  const dx = await gradientOfZeros([1, 1, 3, 3], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })
  expect(dx).toEqual([1 + 2 + 4 + 5, 3 + 6, 0, 7 + 8, 9, 0, 0, 0, 0])
})
