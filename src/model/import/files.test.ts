import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { saveModelFile } from '../../onnx/files.ts'
import { float32 } from '../../tensor/tensor.ts'
import { simpleModel } from '../layers/networks.ts'
import { loadModel } from './files.ts'
import { modelToOnnx } from './onnx-model.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-model-'))
})
afterEach(() => rm(folder, { recursive: true }))

const fixture = fileURLToPath(new URL('../../../test/fixtures/torch/linear.onnx', import.meta.url))
const digits = Array.from({ length: 10 }, (_, n) => `digit ${n}`)

describe('loadModel', () => {
  it('reads a model that was written, with its labels', async () => {
    const path = join(folder, 'model.onnx')
    const model = simpleModel({ classes: digits, seed: 4 })
    await writeFile(path, modelToOnnx(model))
    const loaded = await loadModel(path)
    expect(loaded.model).toEqual(model)
    expect(loaded.file.path).toBe(path)
  })

  it('reads parameters from a file beside the model, and writes others there', async () => {
    const path = join(folder, 'model.onnx')
    const model = simpleModel({ seed: 4 })
    await saveModelFile(path, modelToOnnx(model), { externalData: true })
    expect((await readFile(path)).byteLength).toBeLessThan(5000)
    const { model: loaded, file } = await loadModel(path)
    expect(loaded.parameters).toEqual(model.parameters)
    const weight = float32([10, 784], new Float32Array(7840).fill(0.5))
    await saveModelFile(path, file, { changes: new Map([['fc.weight', weight]]) })
    expect((await loadModel(path)).model.parameters.get('fc.weight')).toEqual(weight)
  })

  it.each([
    ['labels.txt', 'red\ngreen\nblue\nblack\n'],
    ['labels.json', '["red","green","blue","black"]'],
    ['config.json', '{"id2label":{"0":"red","1":"green","2":"blue","3":"black"}}'],
  ])('takes labels from %s beside the model', async (name, text) => {
    const path = join(folder, 'model.onnx')
    await copyFile(fixture, path)
    await writeFile(join(folder, name), text)
    expect((await loadModel(path)).model.classes).toEqual(['red', 'green', 'blue', 'black'])
  })

  it('numbers the classes where nothing names them', async () => {
    const path = join(folder, 'model.onnx')
    await copyFile(fixture, path)
    await writeFile(join(folder, 'config.json'), '{"hidden_size":8}')
    expect((await loadModel(path)).model.classes).toEqual(['0', '1', '2', '3'])
  })

  it('says so when there is no such file', async () => {
    await expect(loadModel(join(folder, 'none.onnx'))).rejects.toMatchObject({ code: 'model-not-found' })
  })
})
