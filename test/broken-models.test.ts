import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { mlp } from '../src/model/layers/networks.ts'
import { saveModelFile } from '../src/onnx/files.ts'
import { encodeGraph, type Graph, type Node } from '../src/onnx/index.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { encodeModel } from '../src/onnx/write.ts'
import { writeSafetensors } from '../src/tensor/safetensors.ts'
import { float32, int64, type Tensor } from '../src/tensor/tensor.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
let folder: string
const whole = modelToOnnx(mlp({ widths: [3, 4, 2], seed: 1 }))

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-broken-'))
  batch('batch.safetensors', { x: float32([2, 3]), labels: int64([2], [0, 1]) })
  write('model.onnx', whole)
})
afterAll(async () => {
  cli.remove()
  await rm(folder, { recursive: true })
})

const write = (name: string, content: Uint8Array | string): void => {
  mkdirSync(join(folder, name, '..'), { recursive: true })
  writeFileSync(join(folder, name), content)
}
const batch = (name: string, tensors: Readonly<Record<string, Tensor>>): void =>
  write(name, writeSafetensors(new Map(Object.entries(tensors))))

/** What stderr says, which is one paragraph, and a crash is no paragraph. */
async function said(line: string, code = 1): Promise<string> {
  const ended = await cli.run(line.split(' '), { cwd: folder })
  expect(ended.code, ended.stdout).toBe(code)
  expect(ended.stderr.trim().split('\n').length).toBeLessThanOrEqual(1)
  return ended.stderr.trim().replaceAll(folder, 'FOLDER')
}
const grad = (model: string, rows = 'batch.safetensors'): Promise<string> =>
  said(`grad ${model} --batch ${rows} --loss cross-entropy`)

const node = (op: string, inputs: readonly string[], outputs: readonly string[], name = ''): Node => ({
  op,
  domain: '',
  name,
  inputs,
  outputs,
  attributes: {},
})
const info = (name: string, dims: readonly (number | string)[]) => ({ name, type: 'float32' as const, dims })
const graphOf = (nodes: readonly Node[], initializers: Readonly<Record<string, Tensor>>): Graph => ({
  name: 'main',
  inputs: [info('x', ['N', 3])],
  outputs: [info('y', ['N', 2])],
  initializers: new Map(Object.entries(initializers)),
  nodes,
})
const weights = { w: float32([3, 2], [1, 2, 3, 4, 5, 6]) }

test('a truncated file', async () => {
  write('truncated.onnx', whole.subarray(0, whole.length / 2))
  expect(await grad('truncated.onnx')).toMatchInlineSnapshot(
    `"error (model-truncated): truncated.onnx: the file is cut off: field 7 at byte 12 would end at byte 653, past 340. Export or download it again."`,
  )
})

test('a file that is not protobuf', async () => {
  write('notes.onnx', 'Weights of the classifier, version 3')
  expect(await grad('notes.onnx')).toMatchInlineSnapshot(
    `"error (model-not-onnx): notes.onnx: an ONNX model was expected, but the file is not protobuf (byte 1 has wire type 7, which protobuf does not have). Give the path of an .onnx file."`,
  )
  write('page.onnx', '<!DOCTYPE html><title>404</title>')
  expect(await grad('page.onnx')).toMatchInlineSnapshot(
    `"error (model-not-onnx): page.onnx: an ONNX model was expected, but the file is a web page or XML. Check what was downloaded."`,
  )
})

test('an unknown op', async () => {
  write(
    'unknown.onnx',
    encodeGraph(
      graphOf([node('MatMul', ['x', 'w'], ['a']), node('Frobnicate', ['a'], ['y'], '/head/Frob')], weights),
    ),
  )
  expect(await grad('unknown.onnx')).toMatchInlineSnapshot(
    `"error (unknown-op): Frobnicate "/head/Frob": this op is not in Holdfast's table. See docs/ops.md for those that are."`,
  )
})

test('a folder with quantised variants only', async () => {
  write('distilbert/config.json', '{}')
  write('distilbert/onnx/model_quantized.onnx', whole)
  write('distilbert/onnx/model_q4f16.onnx', whole)
  expect(await grad('distilbert')).toMatchInlineSnapshot(
    `"error (model-quantised-only): distilbert: only smaller variants of the model are here (onnx/model_q4f16.onnx, onnx/model_quantized.onnx), but training needs the fp32 file. Fetch onnx/model.onnx of the same model, or export it without quantisation; a file that quantize_dynamic wrote learns by low-rank updates: name it."`,
  )
})

test('external data that is missing', async () => {
  const path = join(folder, 'moved', 'model.onnx')
  mkdirSync(join(folder, 'moved'))
  await saveModelFile(path, whole, { externalData: 0 })
  await rm(`${path}_data`)
  expect(await grad('moved/model.onnx')).toMatchInlineSnapshot(
    `"error (external-data-not-found): moved/model.onnx: tensor "/flatten.constant" lies in "model.onnx_data", but there is no such file or folder (looked for in FOLDER/moved). Fetch it and put it beside the model."`,
  )
})

test('external data outside of the folder', async () => {
  const path = join(folder, 'stolen', 'model.onnx')
  mkdirSync(join(folder, 'stolen'))
  await saveModelFile(path, whole, { externalData: 0 })
  const model = decodeModel(readFileSync(path))
  for (const { externalData } of model.graph?.initializer ?? []) {
    for (const entry of externalData) if (entry.key === 'location') entry.value = '../../../etc/passwd'
  }
  writeFileSync(path, encodeModel(model))
  expect(await grad('stolen/model.onnx')).toMatchInlineSnapshot(
    `"error (external-data-outside): stolen/model.onnx: tensor "/flatten.constant" lies in "../../../etc/passwd", which leaves the model's folder. Only files in it are read: put the data beside the model, and save it with that location."`,
  )
})

test('a wrong input name or wrong dims in the batch', async () => {
  batch('name.safetensors', { pixels: float32([2, 3]), labels: int64([2], [0, 1]) })
  expect(await grad('model.onnx', 'name.safetensors')).toMatchInlineSnapshot(
    `"error (batch-input-missing): The batch holds no "x"; it holds "labels", "pixels". Every input of the graph is needed by its name, and "labels"."`,
  )
  batch('dims.safetensors', { x: float32([2, 4]), labels: int64([2], [0, 1]) })
  expect(await grad('model.onnx', 'dims.safetensors')).toMatchInlineSnapshot(
    `"error (batch-input-dims): Input "x" of the model is float32[N,3], but the batch holds float32[2,4]. Only the first, and dims that are names, may have any size."`,
  )
})

test('labels out of range', async () => {
  batch('labels.safetensors', { x: float32([2, 3]), labels: int64([2], [0, 2]) })
  expect(await grad('model.onnx', 'labels.safetensors')).toMatchInlineSnapshot(
    `"error (label-out-of-range): Label 2 at place 1 is not one of the 2 classes of the model (0 to 1; -100 does not count)."`,
  )
})

test('NaN among the weights', async () => {
  const w = float32([3, 2], [1, 2, Number.NaN, 4, 5, 6])
  write('nan.onnx', encodeGraph(graphOf([node('MatMul', ['x', 'w'], ['y'])], { w })))
  expect(await grad('nan.onnx')).toMatchInlineSnapshot(
    `"error (parameter-not-finite): Parameter "w" of the model holds NaN at element 2. Such a model cannot be trained; take the last good one."`,
  )
})

test('a cyclic graph', async () => {
  const nodes = [
    node('MatMul', ['x', 'w'], ['a']),
    node('Add', ['a', 'c'], ['b'], '/block/Add'),
    node('Relu', ['b'], ['c'], '/block/Relu'),
    node('Sub', ['c', 'a'], ['y']),
  ]
  write('cyclic.onnx', encodeGraph(graphOf(nodes, weights)))
  expect(await grad('cyclic.onnx')).toMatchInlineSnapshot(
    `"error (graph-cycle): Graph "main": Add "/block/Add" needs what is computed from its own output. The model is damaged: export it again."`,
  )
})

test('duplicate names', async () => {
  const nodes = [
    node('MatMul', ['x', 'w'], ['a'], 'first'),
    node('Relu', ['a'], ['y'], 'second'),
    node('Neg', ['a'], ['y'], 'third'),
  ]
  write('twice.onnx', encodeGraph(graphOf(nodes, weights)))
  expect(await grad('twice.onnx')).toMatchInlineSnapshot(
    `"error (graph-duplicate): Graph "main": the value "y" is made twice, by Relu "second" and by Neg "third", but each may be made once only. The model is damaged: export it again."`,
  )
  const model = decodeModel(encodeGraph(graphOf([node('MatMul', ['x', 'w'], ['y'])], weights)))
  model.graph?.initializer.push(...model.graph.initializer)
  write('initialisers.onnx', encodeModel(model))
  expect(await grad('initialisers.onnx')).toMatchInlineSnapshot(
    `"error (graph-duplicate): Graph "main" has two initialisers called "w". The model is damaged."`,
  )
})

test('dims of size 0', async () => {
  write('empty.onnx', encodeGraph(graphOf([node('MatMul', ['x', 'w'], ['y'])], { w: float32([3, 0]) })))
  expect(await grad('empty.onnx')).toMatchInlineSnapshot(
    `"error (weight-empty): MatMul "y": its weight "w" has the dims [3,0], so it holds no elements, but one or more along each dim were expected. The model is damaged: export it again."`,
  )
  batch('rows.safetensors', { x: float32([0, 3]), labels: int64([0], []) })
  expect(await grad('model.onnx', 'rows.safetensors')).toMatchInlineSnapshot(
    `"error (batch-input-dims): Input "x" of the model is float32[N,3], but the batch holds float32[0,3], which has no elements. Only the first, and dims that are names, may have any size."`,
  )
})
