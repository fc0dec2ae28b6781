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
import { scale } from '../src/ops/core/emit.ts'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { engine } from './op-cases.ts'

const folder = 'test/fixtures/torch'

async function fixture(name: string) {
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(`${folder}/${name}.safetensors`)))
  const file = await loadModelFile(`${folder}/${name}.onnx`)
  const { graph, opsets } = graphFromModel(file.model, file)
  const builder = new GraphBuilder()
  const under = (prefix: string): Map<string, Tensor> =>
    new Map(
      [...tensors].flatMap(([key, tensor]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), tensor]] : [],
      ),
    )
  const parameters = new Map([...under('parameter/')].map(([key, own]) => [key, builder.parameter(key, own)]))
  const feeds = under('input/')
  feeds.delete('labels')
  const inputs = new Map([...feeds].map(([key, tensor]) => [key, builder.input(key, tensor)]))
  const bindings = new Map([...parameters, ...inputs])
  const logits = specialise(builder, graph, opsets, bindings).outputs.get('logits')
  const seed = tensors.get('gradient/logits')
  if (!logits || !seed) throw new Error(`the fixture ${name} is not whole`)
  return { tensors, builder, parameters, inputs, feeds, logits, seed: builder.constant(seed) }
}

/** Runs the graph and holds each output against the tensor of the same name. */
async function expectOutputs(
  builder: GraphBuilder,
  outputs: ReadonlyMap<string, Value | undefined>,
  feeds: ReadonlyMap<string, Tensor>,
  tensors: ReadonlyMap<string, Tensor>,
): Promise<void> {
  for (const [key, value] of outputs) {
    expect(value, key).toBeDefined()
    if (value) builder.output(value, key)
  }
  const executable = await engine.load(encodeGraph(builder.finish('fixture')))
  const results = await executable.run(new Map(feeds))
  await executable.dispose()
  expect(results.size).toBe(outputs.size)
  for (const [key, found] of results) {
    const expected = tensors.get(key)
    if (!expected) throw new Error(`the fixture has no ${key}`)
    const wanted = toNumbers(expected)
    const distance = Math.hypot(...toNumbers(found).map((value, at) => value - (wanted[at] ?? Number.NaN)))
    expect(distance / Math.hypot(...wanted), key).toBeLessThan(1e-5)
  }
}

describe.each(['lstm', 'gru', 'rnn-relu', 'lstm-packed'])('%s', (name) => {
  it('gives the logits of PyTorch and the gradients of all parameters', async () => {
    const { tensors, builder, parameters, feeds, logits, seed } = await fixture(name)
    const found = backward(builder, [{ of: logits, gradient: seed }], [...parameters.values()])
    const gradients = [...parameters.keys()].map((key, at) => [`gradient/${key}`, found[at]] as const)
    await expectOutputs(builder, new Map([['output/logits', logits], ...gradients]), feeds, tensors)
  })

  it('claims no closed form for squares but those that are right', async () => {
    const { tensors, builder, parameters, inputs, feeds, logits, seed } = await fixture(name)
    const samples = logits.dims[0] ?? 1
    const terms = perSampleSquares(
      builder,
      [{ of: logits, gradient: scale(builder, seed, samples) }],
      [...parameters.values()],
      [...inputs.values()],
      samples,
    )
    const claimed = [...parameters.keys()].flatMap((key, at) => {
      const term = terms[at]
      return term ? [[`squares/${key}`, term.finish(builder, term.accumulate)] as const] : []
    })
    expect(claimed.map(([key]) => key)).toEqual(['squares/embedding.weight'])
    await expectOutputs(builder, new Map(claimed), feeds, tensors)
  })
})
