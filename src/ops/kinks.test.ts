import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../autodiff/builder.ts'
import { backward } from '../autodiff/gradients.ts'
import { ortNode } from '../engine/ort-node.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { type Attributes, float } from '../onnx/graph.ts'
import { float32, type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { Value } from './core/define.ts'

const engine = ortNode({ threads: 1 })

/** dL/dx at `values`, each output's gradient being 1. Further inputs are constants. */
async function slopes(
  op: string,
  values: readonly number[],
  more: readonly (Tensor | undefined)[] = [],
  attributes: Attributes = {},
): Promise<number[]> {
  const builder = new GraphBuilder()
  const x = builder.input('x', { type: 'float32', dims: [values.length] })
  const rest = more.map((tensor): Value | undefined => tensor && builder.constant(tensor))
  const y = builder.op(op, [x, ...rest], attributes)
  const size = y.dims.reduce((product, dim) => product * dim, 1)
  const gradient = builder.constant(float32(y.dims, new Float32Array(size).fill(1)))
  const [dx] = backward(builder, [{ of: y, gradient }], [x])
  if (!dx) return []
  const name = builder.output(dx, 'dx').name
  const executable = await engine.load(encodeGraph(builder.finish('kink')))
  const feeds = executable.inputs.includes('x') ? [['x', float32([values.length], values)] as const] : []
  const result = (await executable.run(new Map(feeds))).get(name)
  await executable.dispose()
  return result ? toNumbers(result) : []
}

const bound = (value: number) => float32([], [value])

/** Where a derivative has two candidates, the one that PyTorch's autograd takes. */
describe('the gradient at a kink', () => {
  it('of Relu is 0 at zero, and 1 for the smallest and largest numbers', async () => {
    expect(await slopes('Relu', [-1, -0, 0, 1.2e-38, 1e-20, 3e38])).toEqual([0, 0, 0, 1, 1, 1])
  })

  it('of LeakyRelu is alpha at zero', async () => {
    const found = await slopes('LeakyRelu', [-1, 0, 1.2e-38, 3e38], [], { alpha: float(0.25) })
    expect(found).toEqual([0.25, 0.25, 1, 1])
  })

  it('of PRelu is the slope at zero', async () => {
    expect(await slopes('PRelu', [-1, 0, 1], [float32([1], [0.25])])).toEqual([0.25, 0.25, 1])
  })

  it('of Abs and ReduceL1 is 0 at zero', async () => {
    expect(await slopes('Abs', [-2, 0, 2])).toEqual([-1, 0, 1])
    expect(await slopes('ReduceL1', [-2, 0, 2])).toEqual([-1, 0, 1])
  })

  it('of ReduceL2 is 0 where all is zero', async () => {
    expect(await slopes('ReduceL2', [0, 0])).toEqual([0, 0])
    const [first, second] = await slopes('ReduceL2', [3, 4])
    expect(first).toBeCloseTo(0.6, 6)
    expect(second).toBeCloseTo(0.8, 6)
  })

  it('of Clip passes at the bounds', async () => {
    const found = await slopes('Clip', [-2, -1, 0, 1, 2], [bound(-1), bound(1)])
    expect(found).toEqual([0, 1, 1, 1, 0])
  })

  it('of Clip from 0 to 6, which is ReLU6, is 0 at both bounds', async () => {
    const found = await slopes('Clip', [-2, 0, 1e-20, 3, 5.9999, 6, 7], [bound(0), bound(6)])
    expect(found).toEqual([0, 0, 1, 1, 1, 0, 0])
  })

  it('of HardSigmoid is 0 at both ends', async () => {
    const found = await slopes('HardSigmoid', [-2, -1, 0, 1, 2], [], { alpha: float(0.5), beta: float(0.5) })
    expect(found).toEqual([0, 0, 0.5, 0, 0])
  })

  it('of ThresholdedRelu is 0 at the threshold', async () => {
    expect(await slopes('ThresholdedRelu', [0.5, 1, 1.5])).toEqual([0, 0, 1])
  })

  it('of ReduceMax is shared by equals', async () => {
    expect(await slopes('ReduceMax', [1, 3, 3])).toEqual([0, 0.5, 0.5])
  })
})

describe('the gradient far out', () => {
  const far = [-100, -30, 30, 100]

  it.each([
    ['Mish', [0, 0, 1, 1]],
    ['Gelu', [0, 0, 1, 1]],
    ['Softplus', [0, 0, 1, 1]],
    ['Elu', [0, 0, 1, 1]],
    ['Sigmoid', [0, 0, 0, 0]],
    ['Tanh', [0, 0, 0, 0]],
    ['HardSwish', [0, 0, 1, 1]],
  ])('of %s is finite and flat', async (op, expected) => {
    const found = await slopes(op, far)
    found.forEach((value, index) => {
      expect(value).toBeCloseTo(expected[index] ?? Number.NaN, 5)
    })
    expect(found).toHaveLength(4)
  })
})
