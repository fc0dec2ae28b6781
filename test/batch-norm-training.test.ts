import { expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { backward } from '../src/autodiff/gradients.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { float } from '../src/onnx/graph.ts'
import { batchNormTraining } from '../src/ops/batch-normalization.ts'
import type { Value } from '../src/ops/define.ts'
import { fromNumbers } from '../src/ops/fold.ts'
import { sizeOf, type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { engine, feedsFor } from './op-cases.ts'

const dims: Readonly<Record<string, readonly number[]>> = {
  x: [4, 3, 2, 5],
  scale: [3],
  bias: [3],
  mean: [3],
  variance: [3],
}
const feeds = new Map<string, Tensor>(
  Object.entries(dims).map(([name, size]) => [
    name,
    fromNumbers(
      'float32',
      size,
      Array.from({ length: sizeOf(size) }, (_, index) => 1.5 + Math.sin(index * 1.3 + name.length)),
    ),
  ]),
)

/** y and the running statistics, then the gradients of a weighted sum of y, all as outputs of the graph. */
async function results(
  form: (
    builder: GraphBuilder,
    inputs: Record<'x' | 'scale' | 'bias' | 'mean' | 'variance', Value>,
  ) => Value[],
): Promise<number[][]> {
  const builder = new GraphBuilder()
  const given = (name: string) => builder.input(name, { type: 'float32', dims: dims[name] ?? [] })
  const inputs = {
    x: given('x'),
    scale: given('scale'),
    bias: given('bias'),
    mean: given('mean'),
    variance: given('variance'),
  }
  const outputs = form(builder, inputs)
  const [y] = outputs
  if (!y) throw new Error('there is no output')
  const weights = Array.from({ length: sizeOf(y.dims) }, (_, index) => Math.cos(index * 2.1))
  const seed = { of: y, gradient: builder.constant(fromNumbers('float32', y.dims, weights)) }
  const gradients = backward(builder, [seed], [inputs.x, inputs.scale, inputs.bias])
  const names = [...outputs, ...gradients.map((value) => value ?? y)].map(
    (value, index) => builder.output(value, `out${index}`).name,
  )
  const executable = await engine.load(encodeGraph(builder.finish('training')))
  const found = await executable.run(feedsFor(executable, feeds))
  await executable.dispose()
  return names.map((name) => toNumbers(found.get(name) ?? fromNumbers('float32', [0], [])))
}

it('computes what training_mode=1 defines, values and gradients', async () => {
  const composed = await results((builder, inputs) =>
    batchNormTraining(builder, inputs, { epsilon: 1e-3, momentum: 0.8 }),
  )
  const defined = await results((builder, { x, scale, bias, mean, variance }) =>
    builder.ops('BatchNormalization', [x, scale, bias, mean, variance], 3, {
      training_mode: 1,
      epsilon: float(1e-3),
      momentum: float(0.8),
    }),
  )
  expect(composed.length).toBe(6)
  composed.forEach((values, output) => {
    expect(values.length).toBeGreaterThan(0)
    values.forEach((value, index) => {
      expect(value, `output ${output}`).toBeCloseTo(defined[output]?.[index] ?? Number.NaN, 4)
    })
  })
})
