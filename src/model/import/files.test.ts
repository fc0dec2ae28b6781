import { execFileSync } from 'node:child_process'
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { saveModelFile } from '../../onnx/files.ts'
import { float32 } from '../../tensor/tensor.ts'
import { mlp, simpleModel } from '../layers/networks.ts'
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

  it('waits for no pipe that is called as labels are', async () => {
    const path = join(folder, 'model.onnx')
    await writeFile(path, modelToOnnx(simpleModel({ classes: digits, seed: 4 })))
    execFileSync('mkfifo', [join(folder, 'labels.txt')])
    await expect(loadModel(path)).rejects.toMatchObject({ code: 'labels-unreadable' })
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

  describe('with labels that do not fit', () => {
    const put = async (
      beside: Readonly<Record<string, string | Uint8Array>>,
      classes: readonly string[] = [],
    ) => {
      const path = join(folder, 'model.onnx')
      await writeFile(path, modelToOnnx({ ...mlp({ widths: [2, 3], seed: 1 }), classes }))
      for (const [name, text] of Object.entries(beside)) await writeFile(join(folder, name), text)
      return path
    }
    const four = 'a\nb\nc\nd\n'

    it.each([
      ['too many', { 'labels.txt': four }, 'labels-count', 'labels.txt has 4 labels, but'],
      ['too few', { 'labels.json': '["a","b"]' }, 'labels-count', 'model.onnx has 3 outputs'],
      [
        'a background',
        { 'labels.txt': 'background\nb\nc\nd\n' },
        'labels-count',
        'seems to have no output for',
      ],
      [
        'two orders',
        { 'labels.txt': 'a\nb\nc', 'config.json': '{"id2label":{"0":"b","1":"a","2":"c"}}' },
        'labels-disagree',
        'output 0 is "a" in the one and "b" in the other',
      ],
      ['Latin-1', { 'labels.txt': Uint8Array.of(0xe9, 10, 98, 10, 99) }, 'labels-unreadable', 'is not UTF-8'],
    ])('refuses %s', async (_, beside, code, message) => {
      const path = await put(beside)
      await expect(loadModel(path)).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
    })

    it('takes those in the metadata where only these fit, and says so', async () => {
      const { model, notes } = await loadModel(await put({ 'labels.txt': four }, ['x', 'y', 'z']))
      expect(model.classes).toEqual(['x', 'y', 'z'])
      expect(notes.join()).toContain("the labels in the model's own metadata hold (x, y, z)")
    })

    it('takes metadata of another length for something else, and says so', async () => {
      const { model, notes } = await loadModel(await put({}, ['x', 'y']))
      expect(model).toMatchObject({ classes: ['0', '1', '2'], unnamed: true })
      expect(notes.join()).toContain('names 2 classes in its metadata (x, y), but has 3 outputs')
    })

    it('passes over placeholders for another number of outputs', async () => {
      const path = await put({ 'config.json': '{"id2label":{"0":"LABEL_0","1":"LABEL_1"}}' })
      expect((await loadModel(path)).model).toMatchObject({ classes: ['0', '1', '2'], unnamed: true })
    })

    it('reads what editors of Windows write', async () => {
      const text = Buffer.from('\ufeffa\r\nb\r\nc\r\n', 'utf16le')
      expect((await loadModel(await put({ 'labels.txt': text }))).model.classes).toEqual(['a', 'b', 'c'])
    })
  })

  it('says so when there is no such file', async () => {
    await expect(loadModel(join(folder, 'none.onnx'))).rejects.toMatchObject({ code: 'model-not-found' })
  })
})
