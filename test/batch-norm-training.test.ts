import { expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { backward } from '../src/autodiff/gradients.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { float } from '../src/onnx/graph.ts'
import type { Value } from '../src/ops/core/define.ts'
import { add, div, mul, reshape, scalar, scale as scaled, square, sub } from '../src/ops/core/emit.ts'
import { fromNumbers } from '../src/ops/core/fold.ts'
import { sizeOf, type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { engine, feedsFor } from './op-cases.ts'

const NAMES = ['x', 'scale', 'bias', 'mean', 'variance'] as const
const dimsOf = (name: string) => (name === 'x' ? [4, 3, 2, 5] : [3])
const feeds = new Map<string, Tensor>(
  NAMES.map((name) => [
    name,
    fromNumbers(
      'float32',
      dimsOf(name),
      Array.from({ length: sizeOf(dimsOf(name)) }, (_, index) => 1.5 + Math.sin(index * 1.3 + name.length)),
    ),
  ]),
)
const EPSILON = 1e-3
const attributes = { training_mode: 1, epsilon: float(EPSILON), momentum: float(0.8) }

/** y and the running statistics and, where asked for, the gradients of a weighted sum of y: all as outputs of the graph. */
async function results(
  form: (builder: GraphBuilder, inputs: readonly Value[]) => readonly Value[],
  differentiated = true,
): Promise<number[][]> {
  const builder = new GraphBuilder()
  const inputs = NAMES.map((name) => builder.input(name, { type: 'float32', dims: dimsOf(name) }))
  const outputs = form(builder, inputs)
  const [y] = outputs
  if (!y) throw new Error('there is no output')
  const weights = Array.from({ length: sizeOf(y.dims) }, (_, index) => Math.cos(index * 2.1))
  const seed = { of: y, gradient: builder.constant(fromNumbers('float32', y.dims, weights)) }
  const gradients = differentiated ? backward(builder, [seed], inputs.slice(0, 3)) : []
  const names = [...outputs, ...gradients.map((value) => value ?? y)].map(
    (value, index) => builder.output(value, `out${index}`).name,
  )
  const executable = await engine.load(encodeGraph(builder.finish('training')))
  const found = await executable.run(feedsFor(executable, feeds))
  await executable.dispose()
  return names.map((name) => toNumbers(found.get(name) ?? fromNumbers('float32', [0], [])))
}

function expectClose(found: readonly number[][], expected: readonly number[][]): void {
  expect(found.length).toBe(expected.length)
  found.forEach((values, output) => {
    expect(values.length).toBeGreaterThan(0)
    values.forEach((value, index) => {
      expect(value, `output ${output}`).toBeCloseTo(expected[output]?.[index] ?? Number.NaN, 4)
    })
  })
}

const trained = (builder: GraphBuilder, inputs: readonly Value[]) =>
  builder.ops('BatchNormalization', inputs, 3, attributes)

it('computes what the runtime does in training_mode=1', async () => {
  const own = await results(
    (builder, inputs) =>
      builder.raw('BatchNormalization', inputs, [...inputs.slice(0, 1), ...inputs.slice(3)], attributes),
    false,
  )
  expectClose(await results(trained, false), own)
})

it('has the gradients of its definition in elementary ops', async () => {
  const defined = await results((builder, [x, scale, bias, mean, variance]) => {
    if (!x || !scale || !bias || !mean || !variance) return []
    const perChannel = (of: Value) => reshape(builder, of, [3, 1, 1])
    const average = (of: Value) =>
      builder.op('ReduceMean', [of, builder.constant(fromNumbers('int64', [3], [0, 2, 3]))], { keepdims: 0 })
    const own = average(x)
    const centred = sub(builder, x, perChannel(own))
    const spread = average(square(builder, centred))
    const deviation = builder.op('Sqrt', [add(builder, spread, scalar(builder, EPSILON, spread))])
    const normalised = div(builder, centred, perChannel(deviation))
    const y = add(builder, mul(builder, normalised, perChannel(scale)), perChannel(bias))
    const running = (before: Value, now: Value) =>
      add(builder, scaled(builder, before, 0.8), scaled(builder, now, 0.2))
    return [y, running(mean, own), running(variance, spread)]
  })
  expectClose(await results(trained), defined)
})
