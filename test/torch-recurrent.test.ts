import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { backward } from '../src/autodiff/gradients.ts'
import { specialise } from '../src/autodiff/specialise.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { loadModelFile } from '../src/onnx/files.ts'
import { graphFromModel } from '../src/onnx/from-proto.ts'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { toNumbers } from '../src/tensor/tensor.ts'
import { engine } from './op-cases.ts'

const folder = 'test/fixtures/torch'

it.each(['lstm', 'gru', 'rnn-relu', 'lstm-packed'])(
  'gives the logits of PyTorch and the gradients of all parameters: %s',
  async (name) => {
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(`${folder}/${name}.safetensors`)))
    const file = await loadModelFile(`${folder}/${name}.onnx`)
    const { graph, opsets } = graphFromModel(file.model, file)
    const builder = new GraphBuilder()
    const under = (prefix: string) =>
      [...tensors].flatMap(([key, tensor]) =>
        key.startsWith(prefix) ? [{ key: key.slice(prefix.length), tensor }] : [],
      )
    const parameters = under('parameter/').map(({ key, tensor }) => ({
      key,
      value: builder.parameter(key, tensor),
    }))
    const feeds = under('input/').filter(({ key }) => key !== 'labels')
    const inputs = feeds.map(({ key, tensor }) => ({ key, value: builder.input(key, tensor) }))
    const bindings = new Map([...parameters, ...inputs].map(({ key, value }) => [key, value]))
    const logits = specialise(builder, graph, opsets, bindings).outputs.get('logits')
    const seed = tensors.get('gradient/logits')
    if (!logits || !seed) throw new Error(`the fixture ${name} is not whole`)
    const gradients = backward(
      builder,
      [{ of: logits, gradient: builder.constant(seed) }],
      parameters.map(({ value }) => value),
    )

    builder.output(logits, 'output/logits')
    gradients.forEach((value, index) => {
      const { key } = parameters[index] ?? { key: '' }
      expect(value, key).toBeDefined()
      if (value) builder.output(value, `gradient/${key}`)
    })
    const executable = await engine.load(encodeGraph(builder.finish(name)))
    const results = await executable.run(new Map(feeds.map(({ key, tensor }) => [key, tensor])))
    await executable.dispose()
    expect(results.size).toBe(parameters.length + 1)
    for (const [key, found] of results) {
      const wanted = toNumbers(tensors.get(key) ?? seed)
      const distance = Math.hypot(...toNumbers(found).map((value, at) => value - (wanted[at] ?? Number.NaN)))
      expect(distance / Math.hypot(...wanted), key).toBeLessThan(1e-5)
    }
  },
)
