import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { wordVocabulary } from '../src/data/text/index.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
const folder = mkdtempSync(join(tmpdir(), 'holdfast-inspect-'))
beforeAll(async () => {
  cli = await buildCli()
})
afterAll(() => {
  cli.remove()
  rmSync(folder, { recursive: true })
})
const inspect = (line: string) =>
  cli.run(['inspect', ...line.split(' ')], { cwd: resolve(import.meta.dirname, 'fixtures') })

test('--json has the promised fields, and the exit code is 0 where the model can be trained', async () => {
  const { code, stdout } = await inspect('families/resnet-basic.onnx --json')
  const found = JSON.parse(stdout)
  expect(code).toBe(0)
  expect(found).toMatchObject({
    opset: 13,
    inputs: [{ name: 'input', type: 'float32', dims: ['batch', 3, 64, 64] }],
    outputs: [{ name: 'logits', type: 'float32', dims: ['batch', 5] }],
    trainable: true,
    obstacles: [],
    labels: ['0', '1', '2', '3', '4'],
    head: { op: 'Gemm', weight: 'fc.weight', bias: 'fc.bias', classes: 5 },
    preprocessing: { kind: 'image' },
    step: { batch: 16, dims: { batch: 16 } },
  })
  const parameter = (name: string) => found.parameters.find((each: { name: string }) => each.name === name)
  expect(parameter('fc.weight')).toEqual({
    name: 'fc.weight',
    dims: [5, 32],
    type: 'float32',
    trainable: true,
  })
  expect(parameter('bn1.running_mean')).toMatchObject({ trainable: false })
  for (const key of ['flops', 'bytes', 'nodes']) expect(found.step[key]).toBeGreaterThan(0)
})

test('a step is counted for as many positions as the tokenizer lets through, where these are few', async () => {
  const family = resolve(import.meta.dirname, 'fixtures', 'families', 'distilbert.onnx')
  const positions = async (config: object): Promise<unknown> => {
    copyFileSync(family, join(folder, 'model.onnx'))
    writeFileSync(join(folder, 'tokenizer.json'), wordVocabulary(['anna']))
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(config))
    return JSON.parse((await inspect(`${join(folder, 'model.onnx')} --json`)).stdout).step.dims.sequence
  }
  expect(await positions({ model_max_length: 10 })).toBe(10)
  expect(await positions({ model_max_length: 512 })).toBe(128)
})

test('people get lines, with layers of one kind together', async () => {
  const { stdout } = await inspect('families/distilbert.onnx --batch 8 --train head')
  expect(stdout).toMatchInlineSnapshot(`
    "families/distilbert.onnx: opset 12, written by pytorch 1.13.0
      reads   input_ids int64[batch, sequence]; attention_mask int64[batch, sequence]
      gives   logits float32[batch, 5]
      data    tokens

    40 parameters with 5,797 numbers, of which 85 train
      distilbert.embeddings.word_embeddings.weight             float32 [48, 16]  fixed
      distilbert.embeddings.position_embeddings.weight         float32 [12, 16]  fixed
      distilbert.embeddings.LayerNorm.weight                   float32 [16]  fixed
      distilbert.embeddings.LayerNorm.bias                     float32 [16]  fixed
      distilbert.transformer.layer.*.attention.q_lin.bias      float32 [16]  x 2  fixed
      distilbert.transformer.layer.*.attention.k_lin.bias      float32 [16]  x 2  fixed
      distilbert.transformer.layer.*.attention.v_lin.bias      float32 [16]  x 2  fixed
      distilbert.transformer.layer.*.attention.out_lin.bias    float32 [16]  x 2  fixed
      distilbert.transformer.layer.*.sa_layer_norm.weight      float32 [16]  x 2  fixed
      distilbert.transformer.layer.*.sa_layer_norm.bias        float32 [16]  x 2  fixed
      distilbert.transformer.layer.*.ffn.lin*.bias             float32 96 numbers  x 4  fixed
      distilbert.transformer.layer.*.output_layer_norm.weight  float32 [16]  x 2  fixed
      distilbert.transformer.layer.*.output_layer_norm.bias    float32 [16]  x 2  fixed
      pre_classifier.weight                                    float32 [16, 16]  fixed
      pre_classifier.bias                                      float32 [16]  fixed
      classifier.weight                                        float32 [5, 16]
      classifier.bias                                          float32 [5]
      onnx::MatMul_*                                           float32 4,096 numbers  x 12  fixed

    Head Gemm "/classifier/Gemm" with weight "classifier.weight"; 5 classes: 0, 1, 2, 3, 4

    A step of training with Adam on 8 rows (batch = 8, sequence = 8)
      666 kFLOP, of which the forward pass takes 663.6 kFLOP; 157 nodes
      162.3 MiB of memory at most, the program and the file among it: trained parameters 340 B, optimiser 680 B, activations and gradients 21 KiB, and copies of them
    "
  `)
})

test('the exit code is 2 where something stands in the way, which is named', async () => {
  const { code, stdout } = await inspect('onnx/branch-opset15.onnx')
  expect(code).toBe(2)
  expect(stdout).toContain('If "/If": its condition is computed at run time')
})

test('a file without one output for the logits says which there are', async () => {
  const { code, stdout } = await inspect('families/sklearn-classifier.onnx')
  expect(code).toBe(2)
  expect(stdout).toContain(
    'which of its outputs holds the logits? They are "label", "probabilities". Name one.',
  )
})

test('the exit code is 1 where the file is no ONNX model', async () => {
  const path = join(folder, 'notes.onnx')
  writeFileSync(path, '{"id2label": {}}')
  const { code, stderr } = await inspect(path)
  expect(code).toBe(1)
  expect(stderr).toContain('error (model-not-onnx): ')
})

test('what trains is said once', async () => {
  const { code, stderr } = await inspect('torch/mlp.onnx --train head --lora 4')
  expect(code).toBe(1)
  expect(stderr).toContain('Give one of them.')
  expect((await inspect('torch/mlp.onnx --dims sequence')).stderr).toContain('found "sequence"')
})

test('--device webgpu says whether a step would be refused there, and opens nothing', async () => {
  const { code, stdout } = await inspect('families/distilbert.onnx --device webgpu')
  expect(stdout).toContain('  webgpu has kernels for all ops of this step; ')
  expect(code).toBe(0)
  expect((await inspect('families/distilbert.onnx')).stdout).not.toContain('webgpu')
})
