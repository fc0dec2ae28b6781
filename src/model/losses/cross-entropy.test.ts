import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import type { Value } from '../../ops/core/define.ts'
import { mul } from '../../ops/core/emit.ts'
import { present, required } from '../../required.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { crossEntropy } from './cross-entropy.ts'

const engine = ortNode({ threads: 1 })
const logits = float32([3, 4], [1, -2, 0.5, 3, 0, 0, 0, 0, -4, 2, 2, 1])
const labels: Tensor = { type: 'int32', dims: [3], data: Int32Array.of(3, 1, 0) }

async function gradientOf(lossOf: (builder: GraphBuilder, x: Value, y: Value) => Value) {
  const builder = new GraphBuilder()
  const x = builder.input('logits', logits)
  const [gradient] = gradients(builder, lossOf(builder, x, builder.input('labels', labels)), [x])
  builder.output(present(gradient, 'gradient'), 'gradient')
  const graph = builder.finish('slope')
  const executable = await engine.load(encodeGraph(graph))
  const results = await executable.run(
    new Map<string, Tensor>([
      ['logits', logits],
      ['labels', labels],
    ]),
  )
  await executable.dispose()
  return {
    ops: graph.nodes.map(({ op }) => op),
    numbers: toNumbers(required(results, 'gradient', 'output')),
  }
}

/** (softmax - target) / 3 */
const expected = Array.from({ length: 3 }, (_, row) => {
  const own = [...logits.data].slice(4 * row, 4 * row + 4).map(Math.exp)
  const sum = own.reduce((total, value) => total + value, 0)
  return own.map((value, at) => (value / sum - (at === labels.data[row] ? 1 : 0)) / 3)
}).flat()

describe('the slope of the cross-entropy', () => {
  it('is softmax less target, and sums no targets', async () => {
    const { ops, numbers } = await gradientOf((builder, x, y) => crossEntropy(builder, x, y))
    expect(ops).not.toContain('ReduceSum')
    numbers.forEach((value, at) => {
      expect(value).toBeCloseTo(present(expected[at], 'number'), 6)
    })
  })

  it('sums the targets where rows count differently', async () => {
    const weights = float32([3], [2, 0.5, 0])
    const { ops, numbers } = await gradientOf((builder, x, y) =>
      crossEntropy(builder, x, y, { weights: builder.constant(weights) }),
    )
    expect(ops).toContain('ReduceSum')
    numbers.forEach((value, at) => {
      const factor = present(weights.data[Math.floor(at / 4)], 'weight')
      expect(value).toBeCloseTo(factor * present(expected[at], 'number'), 6)
    })
  })

  it('sums the targets where the loss is counted several times', async () => {
    const { numbers } = await gradientOf((builder, x, y) =>
      mul(builder, crossEntropy(builder, x, y), builder.constant(float32([], [5]))),
    )
    numbers.forEach((value, at) => {
      expect(value).toBeCloseTo(5 * present(expected[at], 'number'), 5)
    })
  })
})
