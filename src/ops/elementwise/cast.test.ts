import { expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { backward } from '../../autodiff/gradients.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { TensorCode } from '../../onnx/codes.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { float32FromFloat16 } from '../../tensor/half.ts'
import { type Tensor, toNumbers } from '../../tensor/tensor.ts'
import type { Value } from '../core/define.ts'
import { fromNumbers } from '../core/fold.ts'

const numbers = (tensor: Tensor | undefined): number[] => {
  if (!tensor) return []
  return tensor.type === 'float16' ? [...float32FromFloat16(tensor.data as Uint16Array)] : toNumbers(tensor)
}

/** y = f(x) and dL/dx for L = sum of weights times y. */
async function forwardAndBack(
  x: Tensor,
  f: (builder: GraphBuilder, value: Value) => Value,
  weights: readonly number[],
): Promise<{ y: number[]; dx: number[]; type: string | undefined }> {
  const builder = new GraphBuilder()
  const input = builder.input('x', x)
  const y = f(builder, input)
  const gradient = builder.constant(fromNumbers(y.type, y.dims, weights))
  const [dx] = backward(builder, [{ of: y, gradient }], [input])
  const names = [y, dx ?? y].map((value, index) => builder.output(value, `out${index}`).name)
  const executable = await ortNode({ threads: 1 }).load(encodeGraph(builder.finish('cast')))
  const results = await executable.run(new Map([['x', x]]))
  await executable.dispose()
  const [first, second] = names.map((name) => results.get(name))
  return { y: numbers(first), dx: numbers(second), type: second?.type }
}

const values = [0.1, -1.75, 3, 1000.3]

it('passes the gradient through float16 and back as what float16 holds of it', async () => {
  const narrow = (builder: GraphBuilder, x: Value) =>
    builder.op('Cast', [builder.op('Cast', [x], { to: TensorCode.float16 })], { to: TensorCode.float32 })
  const { y, dx, type } = await forwardAndBack(fromNumbers('float32', [4], values), narrow, [1, -2, 0.1, 3])
  expect(type).toBe('float32')
  for (const [index, value] of y.entries())
    expect(Math.abs(value / (values[index] ?? 1) - 1)).toBeLessThan(2 ** -11)
  expect(dx).toEqual([1, -2, float32FromFloat16(Uint16Array.of(0x2e66))[0], 3])
})

it('gives float16 weights that are widened a gradient in float16', async () => {
  const widened = (builder: GraphBuilder, x: Value) => {
    const wide = builder.op('CastLike', [x, builder.constant(fromNumbers('float32', [], [0]))])
    return builder.op('Mul', [wide, wide])
  }
  const { dx, type } = await forwardAndBack(fromNumbers('float16', [3], [0.5, -2, 4]), widened, [1, 1, 0.25])
  expect(type).toBe('float16')
  expect(dx).toEqual([1, -4, 2])
})

it('passes a chain of Identity nodes as if there were none', async () => {
  const chain = (builder: GraphBuilder, x: Value) =>
    [1, 2, 3].reduce((value) => builder.op('Identity', [value]), x)
  const { y, dx } = await forwardAndBack(fromNumbers('float32', [2], [5, 6]), chain, [2, -1])
  expect([y, dx]).toEqual([
    [5, 6],
    [2, -1],
  ])
})
