import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openReader } from '../src/evaluate/reader.ts'
import { loadModel } from '../src/model/import/index-files.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import type { Model } from '../src/model/model.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { required } from '../src/required.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'
import { loadUpdate } from '../src/update/update-files.ts'
import { writeUpdated } from '../src/update/update-writing-files.ts'
import { blobPoints, oldBlobs, taughtEncoder, writeBlobUpdate } from './blob-update.ts'
import { buildCli, type Cli } from './cli.ts'
import { encoderFile, packedEncoder, packedNames } from './packed-encoder.ts'
import { engine } from './toy-learning.ts'

// An encoder that classifies, whose linear layers have 4 and 8 bits.

let cli: Cli
let folder: string
const old = oldBlobs
const at = (...names: string[]) => join(folder, ...names)
const run = (words: string) => cli.run(words.split(' '), { cwd: folder })
const training = '--threads 1 --seed 1 --epochs 12 --learning-rate 0.01'
const points = blobPoints
let rounded: ReadonlyMap<string, Tensor>

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-packed-classifier-'))
  const packed = packedEncoder(4, await taughtEncoder())
  rounded = packed.rounded
  writeFileSync(at('model.onnx'), packed.bytes)
  writeBlobUpdate(folder)
})
afterAll(() => cli.remove())

/** Bytes of what no update may change: layers of few bits, norms, what reads the input. */
const frozen = (...names: string[]) =>
  new Map(
    (decodeModel(new Uint8Array(readFileSync(at(...names)))).graph?.initializer ?? [])
      .filter(({ name }) => /_Q[48]$|_scales$|^norm|^entry/.test(name ?? ''))
      .map(({ name, rawData }) => [name, rawData]),
  )
const added = (...names: string[]) =>
  (decodeModel(new Uint8Array(readFileSync(at(...names)))).graph?.initializer ?? []).filter(({ name }) =>
    name?.includes('/lora_'),
  )

async function logitsOf(model: Model, outputs: number): Promise<Float32Array> {
  const reader = openReader(engine, model, outputs)
  const { data } = await reader.logits({ ...points(old, 10, 9), classes: model.classes })
  await reader.dispose()
  return data
}
function near(found: Float32Array, expected: Float32Array): void {
  expect(found.length).toBe(expected.length)
  for (const [place, value] of expected.entries()) expect(found[place]).toBeCloseTo(value, 4)
}

/** [out, rank] by [rank, in], turned: what an update adds to a weight [in, out]. */
function productOf(a: Tensor, b: Tensor): (row: number, column: number) => number {
  const [rank = 0, rows = 0] = a.dims
  const [left, right] = [a.data as Float32Array, b.data as Float32Array]
  return (row, column) => {
    let sum = 0
    for (let k = 0; k < rank; k++)
      sum += (right[column * rank + k] ?? Number.NaN) * (left[k * rows + row] ?? Number.NaN)
    return sum
  }
}

describe('holdfast update of a classifier with layers of few bits', () => {
  test('trains updates beside them and the head, and keeps the bytes of all else', async () => {
    const { code, stdout, stderr } = await run(
      `update model.onnx --new new --old old --rungs whole --lora 3 --max-drop 10% -o better.onnx --json ${training}`,
    )
    expect(code, stderr).toBe(0)
    const found = JSON.parse(stdout)
    expect(found).toMatchObject({ status: 'met', learned: true })
    expect(found.trials[0]).toMatchObject({
      method: 'replay+distil by LoRA',
      settings: { rung: 'low-rank updates' },
    })
    expect(frozen('better.onnx')).toEqual(frozen('model.onnx'))
    expect(frozen('model.onnx').size).toBe(16)
    expect(added('better.onnx')).toHaveLength(2 * packedNames.length)
    const gated = await run('gate model.onnx better.onnx --data old --max-drop 10% --json --threads 1')
    expect(gated.code, gated.stderr).toBe(0)
  })

  test('writes what the same layers in floats come to with their updates added', async () => {
    const { model } = await loadModel(at('better.onnx'))
    expect(model.classes).toEqual([...old, 'ebony'])
    const own = (name: string) => required(model.parameters, name, 'parameter')
    const names = [...model.parameters.keys()]
    const merged = packedNames.map((name): [string, Tensor] => {
      const [a, b] = ['A', 'B'].map((half) =>
        own(names.find((each) => each.startsWith(name) && each.includes(`/lora_${half}`)) ?? ''),
      )
      const { dims, data } = required(rounded, name, 'weight') as Tensor<'float32'>
      if (!a || !b) throw new Error('no update')
      const update = productOf(a, b)
      const [, columns = 1] = dims
      const sum = data.map((value, place) => value + update(Math.floor(place / columns), place % columns))
      expect(sum).not.toEqual(data)
      return [name, float32(dims, sum)]
    })
    const twin = modelFromOnnx(encoderFile(5, new Map([...model.parameters, ...merged])), {
      classes: model.classes,
    })
    near(await logitsOf(model, 5), await logitsOf(twin, 5))
  })

  test('goes on from its own file with the updates that are there', async () => {
    const { code, stderr } = await run(
      `update better.onnx --new new --old old --rungs whole --max-drop 10% -o next.onnx --force ${training}`,
    )
    expect([0, 2, 3], stderr).toContain(code)
    expect(added('next.onnx')).toHaveLength(2 * packedNames.length)
    expect(frozen('next.onnx')).toEqual(frozen('model.onnx'))
  })

  test('is kept in a pack, which then proves; and the head alone leaves no layers behind', async () => {
    const kept = await run('keep model.onnx --data old --per-class 30 -o old.keep --threads 1')
    expect(kept.code, kept.stderr).toBe(0)
    const { code, stderr } = await run(
      `update model.onnx --new new --keep old.keep --rungs head --max-drop 15% -o headed.onnx --force --threads 1 --seed 1`,
    )
    expect([0, 2, 3], stderr).toContain(code)
    expect(added('headed.onnx')).toEqual([])
    expect(frozen('headed.onnx')).toEqual(frozen('model.onnx'))
    const { model } = await loadModel(at('headed.onnx'))
    expect(model.classes).toEqual([...old, 'ebony'])
  })

  test('has updates at zero before it learns, and is the file that it was where nothing is gained', async () => {
    const given = await loadModel(at('model.onnx'))
    const loaded = await loadUpdate(
      { engine, model: at('model.onnx'), fresh: at('new'), old: at('old'), rank: 2 },
      given,
    )
    expect(loaded.learner.updates).toHaveLength(2 * packedNames.length)
    near(await logitsOf(loaded.learner.model, 4), await logitsOf(given.model, 4))
    await writeUpdated(at('same.onnx'), loaded, { chosen: null, parameters: new Map() })
    expect(readFileSync(at('same.onnx'))).toEqual(readFileSync(at('model.onnx')))
  })

  test('refuses an adapter, which would be one half of what was learned', async () => {
    const { code, stderr } = await run(
      'update model.onnx --new new --old old --lora 2 --adapter adapter -o x.onnx --threads 1',
    )
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('error (lora-packed): model.onnx has layers of few bits'),
    ])
    expect(existsSync(at('x.onnx'))).toBe(false)
  })
})
