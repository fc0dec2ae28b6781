import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { backward } from '../src/autodiff/gradients.ts'
import { specialise } from '../src/autodiff/specialise.ts'
import { perSampleSquares } from '../src/autodiff/squares.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { loadModelFile } from '../src/onnx/files.ts'
import { graphFromModel } from '../src/onnx/from-proto.ts'
import type { Value } from '../src/ops/core/define.ts'
import { fromNumbers } from '../src/ops/core/fold.ts'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { engine, feedsFor } from './op-cases.ts'

const folder = 'test/fixtures/torch'

async function fixture(name: string) {
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(`${folder}/${name}.safetensors`)))
  // PyTorch's exporter folds fixed statistics into the convolution, so both modes are read from the unfolded file.
  const file = await loadModelFile(`${folder}/${name.replace('-eval', '-train')}.onnx`)
  const { graph, opsets } = graphFromModel(file.model, file)
  const builder = new GraphBuilder()
  const of = (key: string): Tensor => {
    const tensor = tensors.get(key)
    if (!tensor) throw new Error(`the fixture has no ${key}`)
    return tensor
  }
  const names = [...tensors.keys()].filter((key) => key.startsWith('parameter/')).map((key) => key.slice(10))
  const parameters = names.map((key) => builder.parameter(key, of(`parameter/${key}`)))
  const x = builder.input('x', of('input/x'))
  const bindings = new Map<string, Value>([
    ['x', x],
    ...names.map((key, at) => [key, parameters[at] ?? x] as const),
  ])
  for (const [key, tensor] of tensors) {
    if (key.startsWith('buffer/')) bindings.set(key.slice(7), builder.parameter(key.slice(7), tensor))
  }
  const { outputs } = specialise(builder, graph, opsets, bindings, { training: name.endsWith('train') })
  const logits = outputs.get('logits')
  if (!logits) throw new Error('the fixture gives no logits')
  return { builder, of, names, parameters, x, logits, feeds: new Map([[x.name, of('input/x')]]) }
}

/** d(sum of the samples' negative log-likelihoods)/d(logits), from PyTorch's own logits: softmax less one-hot. */
function seedOf(of: (key: string) => Tensor, scale: number): Tensor {
  const { dims } = of('output/logits')
  const [rows = 0, classes = 0] = dims
  const logits = toNumbers(of('output/logits'))
  const labels = toNumbers(of('input/labels'))
  const values = Array.from({ length: rows }, (_, row) => {
    const exponentials = logits.slice(row * classes, (row + 1) * classes).map(Math.exp)
    const total = exponentials.reduce((sum, value) => sum + value, 0)
    return exponentials.map((value, at) => (value / total - Number(at === labels[row])) * scale)
  })
  return fromNumbers('float32', dims, values.flat())
}

async function run(
  builder: GraphBuilder,
  wanted: readonly Value[],
  feeds: Map<string, Tensor>,
): Promise<number[][]> {
  const names = wanted.map((value, index) => builder.output(value, `wanted${index}`).name)
  const executable = await engine.load(encodeGraph(builder.finish('fixture')))
  const results = await executable.run(feedsFor(executable, feeds))
  await executable.dispose()
  return names.map((name) => toNumbers(results.get(name) ?? fromNumbers('float32', [0], [])))
}

function expectNear(found: readonly number[], expected: Tensor, label: string): void {
  const wanted = toNumbers(expected)
  const distance = Math.hypot(...wanted.map((value, at) => value - (found[at] ?? Number.NaN)))
  expect(distance, label).toBeLessThan(2e-5 * Math.hypot(...wanted) + 1e-7)
}

describe.each(['layernorm', 'groupnorm', 'batchnorm-eval', 'batchnorm-train', 'embedding'])('%s', (name) => {
  it('gives the logits and gradients of PyTorch', async () => {
    const { builder, of, names, parameters, logits, feeds } = await fixture(name)
    const seed = builder.constant(seedOf(of, 1 / (logits.dims[0] ?? 1)))
    const gradients = backward(builder, [{ of: logits, gradient: seed }], parameters)
    const found = await run(builder, [logits, ...gradients.map((value) => value ?? logits)], feeds)
    expectNear(found[0] ?? [], of('output/logits'), 'logits')
    names.forEach((key, at) => {
      // A bias before a normalisation by the batch has no effect: its gradient is rounding on both sides.
      if (name === 'batchnorm-train' && key === 'body.0.bias') return
      expectNear(found[at + 1] ?? [], of(`gradient/${key}`), key)
    })
  })

  it.skipIf(name === 'batchnorm-train')('gives the squares of PyTorch, in closed form', async () => {
    const { builder, of, names, parameters, x, logits, feeds } = await fixture(name)
    const seed = builder.constant(seedOf(of, 1))
    const terms = perSampleSquares(builder, [{ of: logits, gradient: seed }], parameters, [x], x.dims[0] ?? 1)
    const norms = names.flatMap((key, at) => {
      const term = terms[at]
      return term && !/body[.]0/.test(key) ? [{ key, value: term.finish(builder, term.accumulate) }] : []
    })
    expect(norms.length).toBeGreaterThan(2)
    const found = await run(
      builder,
      norms.map(({ value }) => value),
      feeds,
    )
    norms.forEach(({ key }, at) => {
      expectNear(found[at] ?? [], of(`squares/${key}`), key)
    })
  })
})
