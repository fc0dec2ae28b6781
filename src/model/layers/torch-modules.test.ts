import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { specialise } from '../../autodiff/specialise.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import type { Value } from '../../ops/core/define.ts'
import { readSafetensors } from '../../tensor/safetensors.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { modelFromOnnx, modelToOnnx } from '../import/onnx-model.ts'
import { crossEntropy } from '../losses/cross-entropy.ts'
import type { Model } from '../model.ts'

// Exports of small PyTorch modules and what PyTorch says of them: test/fixtures/torch/README.md.

const engine = ortNode({ threads: 1 })
const read = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../../test/fixtures/torch/${name}`, import.meta.url)))

const files: readonly { file: string; values: string; training?: boolean }[] = [
  ...[
    'linear',
    'mlp',
    'conv',
    'layernorm',
    'groupnorm',
    'embedding',
    'encoder',
    'encoder-batch-first',
    'batchnorm-eval',
  ].map((file) => ({ file, values: file })),
  { file: 'batchnorm-train', values: 'batchnorm-train', training: true },
  { file: 'encoder-dynamic', values: 'encoder' },
]

/** Constant folding transposed these and took their names. */
const folded: Readonly<Record<string, string>> = {
  'onnx::MatMul_142': 'body.self_attn.in_proj_weight',
  'onnx::MatMul_143': 'body.linear1.weight',
  'onnx::MatMul_144': 'body.linear2.weight',
}

interface Result {
  readonly outputs: ReadonlyMap<string, Tensor>
  /** Gradients by parameter. */
  readonly gradients: ReadonlyMap<string, Tensor>
  readonly buffers: ReadonlyMap<string, Tensor>
}

async function differentiate(model: Model, x: Tensor, labels: Tensor, training: boolean): Promise<Result> {
  const builder = new GraphBuilder()
  const parameters = new Map<string, Value>()
  for (const [name, tensor] of model.parameters) parameters.set(name, builder.parameter(name, tensor))
  const bindings = new Map(parameters)
  for (const [name, tensor] of model.buffers) bindings.set(name, builder.parameter(name, tensor))
  bindings.set(model.input.name, builder.input('x', x))
  const { outputs, buffers } = specialise(builder, model.graph, model.opsets, bindings, {
    training,
    outputs: [model.output],
  })
  const logits = outputs.get(model.output)
  if (!logits) throw new Error('no logits')
  const loss = crossEntropy(builder, logits, builder.input('labels', labels))
  const found = gradients(builder, loss, [...parameters.values()])
  builder.output(logits, 'output/logits')
  builder.output(loss, 'output/loss')
  for (const [name, value] of buffers) builder.output(value, `buffer/${name}`)
  for (const [index, name] of [...parameters.keys()].entries()) {
    const gradient = found[index]
    if (gradient) builder.output(gradient, `gradient/${name}`)
  }
  const executable = await engine.load(encodeGraph(builder.finish('step')))
  const results = await executable.run(
    new Map([
      ['x', x],
      ['labels', labels],
    ]),
  )
  await executable.dispose()
  const under = (prefix: string) =>
    new Map(
      [...results].flatMap(([name, tensor]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
      ),
    )
  return { outputs: under('output/'), gradients: under('gradient/'), buffers: under('buffer/') }
}

function transposed(tensor: Tensor): Tensor {
  const [rows = 1, columns = 1] = tensor.dims
  const values = toNumbers(tensor)
  return float32(
    [columns, rows],
    values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)] ?? 0),
  )
}

/**
 * Relative to the largest value of the tensor, as sums in float32 are, but not below what their terms are: a bias in
 * front of a batch normalisation has a gradient of 0, made of terms that cancel.
 */
function expectClose(found: Tensor | undefined, expected: Tensor | undefined, what: string): void {
  expect(found?.dims, what).toEqual(expected?.dims)
  const wanted = expected ? toNumbers(expected) : []
  const largest = Math.max(1e-2, ...wanted.map(Math.abs))
  const worst = Math.max(
    ...(found ? toNumbers(found) : []).map((value, at) => Math.abs(value - (wanted[at] ?? Number.NaN))),
  )
  expect(worst / largest, what).toBeLessThan(1e-5)
}

describe.each(files)("PyTorch's $file", ({ file, values, training = false }) => {
  const { tensors } = readSafetensors(read(`${values}.safetensors`))
  const tensor = (name: string): Tensor => {
    const found = tensors.get(name)
    if (!found) throw new Error(`no ${name} in the fixture`)
    return found
  }
  const batchNorm = training ? 'train' : 'fixed'
  const exported = modelFromOnnx(read(`${file}.onnx`), { batchNorm })
  // Tracing a module in training mode moved its statistics on by one batch before they were written.
  const model: Model = {
    ...exported,
    buffers: new Map([...exported.buffers.keys()].map((name) => [name, tensor(`buffer/${name}`)])),
  }

  it('has its trainable tensors as parameters and the statistics as buffers', () => {
    const expected = [...tensors.keys()].flatMap((key) =>
      key.startsWith('parameter/') ? [key.slice(10)] : [],
    )
    const found = [...model.parameters.keys()].map((name) => folded[name] ?? name)
    if (file === 'batchnorm-eval') {
      // The exporter folded the normalisation into the convolution.
      expect(found.sort()).toEqual(['head.bias', 'head.weight', 'onnx::Conv_17', 'onnx::Conv_18'])
    } else {
      expect(found.sort()).toEqual(expected.sort())
    }
    const buffers = training ? ['body.1.running_mean', 'body.1.running_var'] : []
    expect([...model.buffers.keys()]).toEqual(buffers)
    expect(model.classes).toEqual(['0', '1', '2', '3'])
  })

  it('gives its logits, loss, gradients and statistics', async () => {
    const result = await differentiate(model, tensor('input/x'), tensor('input/labels'), training)
    expectClose(result.outputs.get('logits'), tensor('output/logits'), 'logits')
    expectClose(result.outputs.get('loss'), tensor('output/loss'), 'loss')
    expect([...result.gradients.keys()].sort()).toEqual([...model.parameters.keys()].sort())
    let compared = 0
    for (const [name, gradient] of result.gradients) {
      const original = folded[name]
      const expected = tensors.get(`gradient/${original ?? name}`)
      if (!expected) continue
      expectClose(gradient, original ? transposed(expected) : expected, name)
      compared++
    }
    expect(compared).toBe(file === 'batchnorm-eval' ? 2 : model.parameters.size)
    expect(result.buffers.size).toBe(training ? 2 : 0)
    for (const [name, buffer] of result.buffers) expectClose(buffer, tensor(`buffer-after/${name}`), name)
  })

  it('computes the same after it was written anew', async () => {
    const again = modelFromOnnx(modelToOnnx(model), { batchNorm })
    const labels = tensor('input/labels')
    const first = await differentiate(model, tensor('input/x'), labels, training)
    const second = await differentiate(again, tensor('input/x'), labels, training)
    expect(second).toEqual(first)
  })
})
