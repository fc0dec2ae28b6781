import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openReader } from '../src/evaluate/reader.ts'
import { withLora } from '../src/model/adapters/lora.ts'
import { loadModel } from '../src/model/import/index-files.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { required } from '../src/required.ts'
import { float32, toNumbers } from '../src/tensor/tensor.ts'
import { blobPoints, oldBlobs, taughtEncoder, writeBlobUpdate } from './blob-update.ts'
import { buildCli, type Cli } from './cli.ts'
import { type DynamicForm, dynamicallyQuantised } from './dynamic-layers.ts'
import { learned } from './learn-runs.ts'
import { encoderFile, packedNames } from './packed-encoder.ts'
import { engine } from './toy-learning.ts'

// An encoder that classifies, as onnxruntime's quantize_dynamic leaves one.

let cli: Cli
let folder: string
let floats: Uint8Array
const old = oldBlobs
const at = (...names: string[]) => join(folder, ...names)
const run = (words: string) => cli.run(words.split(' '), { cwd: folder })
const training = '--threads 1 --seed 1 --epochs 12 --learning-rate 0.01'
const points = blobPoints

const forms: readonly (readonly [string, DynamicForm])[] = [
  ['int8', { type: 'int8' }],
  ['uint8', { type: 'uint8' }],
  ['int8 by channel', { type: 'int8', byChannel: true }],
  ['uint8 by channel', { type: 'uint8', byChannel: true }],
]
/** What a classifier that learns classes keeps in floats. */
const head = ['head.weight']

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-dynamic-classifier-'))
  floats = encoderFile(4, await taughtEncoder())
  writeFileSync(at('model.onnx'), dynamicallyQuantised(floats, { keep: head }).bytes)
  writeBlobUpdate(folder)
})
afterAll(() => cli.remove())

const bytesOf = (...names: string[]) => new Uint8Array(readFileSync(at(...names)))
const initializersOf = (...names: string[]) => decodeModel(bytesOf(...names)).graph?.initializer ?? []
/** Bytes of what no update may change. */
const frozen = (...names: string[]) =>
  new Map(
    initializersOf(...names)
      .filter(({ name }) => /_(quantized|scale|zero_point)$|^norm|^entry.bias$/.test(name ?? ''))
      .map(({ name, rawData }) => [name, rawData]),
  )
const added = (...names: string[]) => initializersOf(...names).filter(({ name }) => name?.includes('/lora_'))

/** What the runtime makes of a file by itself, all rows at once. */
async function byTheRuntime(bytes: Uint8Array, rows: Float32Array): Promise<number[]> {
  const executable = await engine.load(bytes)
  const outputs = await executable.run(new Map([['points', float32([rows.length / 2, 2], rows)]]))
  await executable.dispose()
  return Array.from(toNumbers(required(outputs, 'logits', 'output')))
}

const rowsOf = (count: number) => points(old, count / 4, 9)

describe('a model whose layers round what they read', () => {
  test.each(forms)('answers in the same bits as its file: %s', async (_, form) => {
    const { bytes } = dynamicallyQuantised(floats, form)
    const rows = rowsOf(40)
    const model = modelFromOnnx(bytes, { classes: old })
    const reader = openReader(engine, model, 4)
    const found = await reader.logits({ ...rows, classes: old })
    await reader.dispose()
    const inputs = rows.inputs.data as Float32Array
    expect(Array.from(found.data)).toEqual(await byTheRuntime(bytes, inputs))
    expect(Array.from(found.data)).not.toEqual(await byTheRuntime(floats, inputs))
  })

  test('has a place for an update at each product, and no scale or zero point for a parameter', () => {
    const { bytes } = dynamicallyQuantised(floats, { byChannel: true })
    const model = modelFromOnnx(bytes)
    expect([...model.parameters.keys()]).toEqual(['entry.bias', 'norm.scale', 'norm.bias', 'head.bias'])
    const { adapters } = withLora(model, { rank: 2, packed: true })
    expect(adapters.map(({ weight }) => weight)).toEqual(
      ['entry.weight', ...packedNames, 'head.weight'].map((name) => `${name}_quantized`),
    )
  })
})

describe('holdfast update of a classifier that was quantised dynamically', () => {
  test('trains updates beside its layers and the head, and keeps the bytes of all else', async () => {
    const { code, stdout, stderr } = await run(
      `update model.onnx --new new --old old --rungs whole --lora 3 --max-drop 10% -o better.onnx --json ${training}`,
    )
    expect(code, stderr).toBe(0)
    const found = JSON.parse(stdout)
    expect(found).toMatchObject({ status: 'met', learned: true })
    expect(found.trials[0].settings).toMatchObject({ rung: 'low-rank updates' })
    expect(frozen('better.onnx')).toEqual(frozen('model.onnx'))
    expect(frozen('model.onnx').size).toBe(3 * 7 + 3)
    expect(added('better.onnx')).toHaveLength(2 * 7)
    const gated = await run('gate model.onnx better.onnx --data old --max-drop 10% --json --threads 1')
    expect(gated.code, gated.stderr).toBe(0)
    // A row is rounded with those that it is run with, and these are others here.
    expect(JSON.parse(gated.stdout).accuracy.candidate).toBeCloseTo(found.old.after, 1)
  })

  test('goes on from its own file with the updates that are there', async () => {
    const { code, stderr } = await run(
      `update better.onnx --new new --old old --rungs whole --max-drop 10% -o next.onnx --force ${training}`,
    )
    expect([0, 2, 3], stderr).toContain(code)
    expect(added('next.onnx')).toHaveLength(2 * 7)
    expect(frozen('next.onnx')).toEqual(frozen('model.onnx'))
  })

  test('learns by low-rank updates, which the written file has beside its layers', async () => {
    const { model: bytes, result } = await learned({
      stream: { kind: 'list', scenario: 'domain', tasks: [{ name: 'old', source: at('old', 'train.csv') }] },
      model: { kind: 'onnx', path: at('model.onnx'), lora: { rank: 2 } },
      method: { name: 'none' },
      ...{ iterations: 12, batchSize: 16, learningRate: 0.01 },
    })
    writeFileSync(at('learned.onnx'), bytes)
    expect(frozen('learned.onnx')).toEqual(frozen('model.onnx'))
    expect(added('learned.onnx')).toHaveLength(2 * 7)
    const { model } = await loadModel(at('learned.onnx'))
    const rows = rowsOf(40)
    const reader = openReader(engine, model, 4)
    const found = await reader.logits({ ...rows, classes: model.classes })
    await reader.dispose()
    const raw = await byTheRuntime(bytes, rows.inputs.data as Float32Array)
    expect(Array.from(found.data)).toEqual(raw)
    expect(result.matrix[0]?.[0]).toBeGreaterThan(0.9)
  })

  test('is told by inspect', async () => {
    const { stdout, code } = await run('inspect model.onnx')
    expect(code).toBe(0)
    expect(stdout).toContain(
      'note: 7 linear layers with weights of few bits (DynamicQuantizeMatMul) stay as they are',
    )
  })
})
