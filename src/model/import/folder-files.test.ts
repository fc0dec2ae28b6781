import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { saveModelFile } from '../../onnx/files.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { widenHead } from '../heads/widen.ts'
import { mlp } from '../layers/networks.ts'
import { loadModel } from './files.ts'
import { savedNotes, saveModelFolder } from './folder-files.ts'
import { modelToOnnx } from './onnx-model.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-folder-'))
})
afterEach(() => rm(root, { recursive: true }))

const config = {
  model_type: 'mlp',
  id2label: { '0': 'cat', '1': 'dog' },
  label2id: { cat: 0, dog: 1 },
  hidden_size: 4,
}
const bytes = modelToOnnx(mlp({ widths: [3, 4, 2], seed: 1 }))

/** A folder as transformers.js lays it out. */
async function folder(options: { readonly externalData?: number } = {}): Promise<string> {
  const path = join(root, 'source')
  await mkdir(join(path, 'onnx'), { recursive: true })
  await writeFile(join(path, 'config.json'), JSON.stringify(config, null, 4))
  await writeFile(join(path, 'tokenizer.json'), '{"version": "1.0"}')
  await writeFile(join(path, 'onnx', 'model_quantized.onnx'), 'smaller')
  await writeFile(join(path, 'onnx', 'model_fp16.onnx_data'), 'half')
  await writeFile(join(path, 'onnx', 'decoder.onnx'), 'another model')
  await saveModelFile(join(path, 'onnx', 'model.onnx'), bytes, options)
  return path
}
const files = async (path: string): Promise<string[]> =>
  (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort()
const moved = (parameters: ReadonlyMap<string, Tensor>): Map<string, Tensor> =>
  new Map(
    Array.from(parameters, ([name, { dims, data }]) => [
      name,
      float32(
        dims,
        (data as Float32Array).map((v) => v + 1),
      ),
    ]),
  )

describe('loadModel with a folder', () => {
  it('reads onnx/model.onnx and the labels of config.json, by the file as well', async () => {
    const path = await folder()
    for (const way of [path, join(path, 'onnx', 'model.onnx')]) {
      const { model, file } = await loadModel(way)
      expect(file.path).toBe(join(path, 'onnx', 'model.onnx'))
      expect(model.classes).toEqual(['cat', 'dog'])
    }
  })

  it('sorts labels by their numbers', async () => {
    const path = await folder()
    const labels = Object.fromEntries(
      Array.from({ length: 12 }, (_, at) => [String(11 - at), `label ${11 - at}`]),
    )
    await writeFile(join(path, 'config.json'), JSON.stringify({ id2label: labels }))
    await writeFile(
      join(path, 'onnx', 'model.onnx'),
      modelToOnnx({ ...mlp({ widths: [3, 12] }), classes: [] }),
    )
    const { classes } = (await loadModel(path)).model
    expect(classes).toEqual(Array.from({ length: 12 }, (_, at) => `label ${at}`))
  })

  it('takes model.onnx, or the only one', async () => {
    const path = await folder()
    await copyFile(join(path, 'onnx', 'model.onnx'), join(root, 'only.onnx'))
    await rm(path, { recursive: true })
    expect((await loadModel(root)).file.path).toBe(join(root, 'only.onnx'))
    await copyFile(join(root, 'only.onnx'), join(root, 'other.onnx'))
    for (const said of [root, `${root}/`, `${relative('.', root)}/`, join('.', relative('.', root))]) {
      await expect(loadModel(said)).rejects.toMatchObject({
        code: 'model-several',
        message: expect.stringContaining('They are only.onnx, other.onnx.'),
      })
    }
    await copyFile(join(root, 'only.onnx'), join(root, 'model.onnx'))
    expect((await loadModel(root)).file.path).toBe(join(root, 'model.onnx'))
  })

  it.each(['model_quantized', 'model_int8', 'model_q4', 'model_q4f16', 'model_bnb4', 'model_fp16'])(
    'asks for the fp32 file where there is %s only',
    async (name) => {
      await mkdir(join(root, 'onnx'))
      await writeFile(join(root, 'onnx', `${name}.onnx`), bytes)
      await expect(loadModel(root)).rejects.toMatchObject({
        code: 'model-quantised-only',
        message: expect.stringContaining('training needs the fp32 file'),
      })
    },
  )

  it('says so where there is no model', async () => {
    await expect(loadModel(root)).rejects.toMatchObject({ code: 'model-not-found' })
  })
})

describe('saveModelFolder', () => {
  it.each([{}, { externalData: 0 }])(
    'copies all but the model, and leaves variants of old weights out (%o)',
    async (options) => {
      const path = await folder(options)
      const { model, file } = await loadModel(path)
      const trained = moved(model.parameters)
      const to = join(root, 'updated')
      const saved = await saveModelFolder(to, file, trained)
      expect(saved).toEqual({
        copied: ['config.json', 'onnx/decoder.onnx', 'tokenizer.json'],
        written: ['onnx/model.onnx'],
        leftOut: ['onnx/model_fp16.onnx_data', 'onnx/model_quantized.onnx'],
        notCopied: [],
      })
      for (const name of saved.copied)
        expect(await readFile(join(to, name))).toEqual(await readFile(join(path, name)))
      expect((await loadModel(to)).model.parameters).toEqual(trained)
      expect((await readdir(root)).sort()).toEqual(['source', 'updated'])
    },
  )

  it('is the same folder, variants included, where nothing changed', async () => {
    const path = await folder({ externalData: 0 })
    const { model, file } = await loadModel(path)
    const to = join(root, 'same')
    expect((await saveModelFolder(to, file, model.parameters)).leftOut).toEqual([])
    expect(await files(to)).toEqual(await files(path))
    for (const name of await files(path))
      expect(await readFile(join(to, name))).toEqual(await readFile(join(path, name)))
  })

  it('leaves hidden files, packs, data and other folders where they are, and says which', async () => {
    const path = await folder()
    const rows = {
      '.env': 'SECRET=1',
      '.git/config': 'x',
      'data/config.txt': 'a row',
      'data/photos/a.png': 'x',
      'data/train-images-idx3-ubyte': 'x',
      'eval.json': '\n[\n {"text": "a", "label": "cat"}]',
      'lines.json': '{"text": "a"}\n{"text": "b"}\n',
      'model.keep': 'x',
      'old-data/test.txt': 'a text',
      'old-data/train.jsonl': '{}',
      'onnx/rows.csv': 'x,label',
      'texts.txt': 'a text',
      'train.NPZ': 'x',
    }
    const parts = {
      '1_Pooling/config.json': '{}',
      LICENSE: 'x',
      'README.md': 'x',
      'generation_config.json': '{}',
      'holdfast.json': '{}',
      'modules.json': '[\n  {"idx": 0, "path": ""}]',
      'spiece.model': 'x',
      'vocab.txt': 'x',
    }
    for (const [name, text] of Object.entries({ ...rows, ...parts })) {
      await mkdir(dirname(join(path, name)), { recursive: true })
      await writeFile(join(path, name), text)
    }
    const { model, file } = await loadModel(path)
    const to = join(root, 'released')
    const saved = await saveModelFolder(to, file, moved(model.parameters))
    expect(saved.notCopied).toEqual(Object.keys(rows))
    expect(saved.copied).toEqual(expect.arrayContaining(Object.keys(parts)))
    expect(await files(to)).toEqual([...saved.copied, ...saved.written].sort())
    expect(savedNotes('released', saved)[1]).toMatch(
      /^released has only what .* not copied are \.env, \.git\/config, /,
    )
    // Over itself it takes nothing away.
    await saveModelFolder(path, file, moved(model.parameters))
    expect(await files(path)).toEqual(expect.arrayContaining(Object.keys(rows)))
  })

  it('writes the labels of a widened head into config.json', async () => {
    const path = await folder()
    const { model, file } = await loadModel(path)
    const wider = widenHead(model, { classes: ['owl'] })
    const { written } = await saveModelFolder(join(root, 'wider'), file, wider.parameters, { model: wider })
    expect(written).toEqual(['onnx/model.onnx', 'config.json'])
    expect(JSON.parse(await readFile(join(root, 'wider', 'config.json'), 'utf8'))).toEqual({
      ...config,
      id2label: { '0': 'cat', '1': 'dog', '2': 'owl' },
      label2id: { cat: 0, dog: 1, owl: 2 },
    })
    expect((await loadModel(join(root, 'wider'))).model.classes).toEqual(['cat', 'dog', 'owl'])
  })

  it('brings every list of labels in step, and no other file', async () => {
    const path = await folder()
    const lists = {
      'labels.txt': 'cat\r\ndog\r\n',
      'labels.json': '{"cat":0,"dog":1}',
      'classes.names': '0: cat\n1: dog',
      'vocab.txt': 'cat\n',
      'requirements.txt': 'dogs\nand cats\n',
    }
    for (const [name, text] of Object.entries(lists)) await writeFile(join(path, name), text)
    const { model, file } = await loadModel(path)
    const wider = widenHead(model, { classes: ['owl'] })
    const to = join(root, 'wider')
    await saveModelFolder(to, file, wider.parameters, { model: wider })
    const texts = await Promise.all(Object.keys(lists).map((name) => readFile(join(to, name), 'utf8')))
    expect(texts).toEqual([
      'cat\r\ndog\r\nowl\r\n',
      '{"cat":0,"dog":1,"owl":2}',
      '0: cat\n1: dog\n2: owl\n',
      lists['vocab.txt'],
      lists['requirements.txt'],
    ])
    expect((await loadModel(to)).model.classes).toEqual(['cat', 'dog', 'owl'])
  })

  it('replaces the files of a model that is there, and nothing else in its folder', async () => {
    const path = await folder()
    const { model, file } = await loadModel(path)
    const to = join(root, 'updated')
    await saveModelFolder(to, file, model.parameters)
    await writeFile(join(to, 'thesis.txt'), 'three years')
    await mkdir(join(to, 'notes'))
    await writeFile(join(to, 'notes', 'a.txt'), 'a')
    const wrong = new Map([['missing', float32([1])]])
    const before = await files(to)
    await expect(saveModelFolder(to, file, wrong)).rejects.toMatchObject({ code: 'initializer-missing' })
    expect(await files(to)).toEqual(before)
    const trained = moved(model.parameters)
    await saveModelFolder(to, file, trained)
    expect((await loadModel(to)).model.parameters).toEqual(trained)
    // What holds the old weights in fewer bits goes.
    const variants = ['onnx/model_fp16.onnx_data', 'onnx/model_quantized.onnx']
    expect(await files(to)).toEqual(before.filter((name) => !variants.includes(name)))
    expect((await readdir(root)).sort()).toEqual(['source', 'updated'])
    // Also in the folder that it came from.
    await saveModelFolder(path, file, trained)
    expect((await loadModel(path)).model.parameters).toEqual(trained)
  })

  it('takes an empty folder, and refuses one that holds no model', async () => {
    const { model, file } = await loadModel(await folder())
    const to = join(root, 'results')
    await mkdir(to)
    await saveModelFolder(to, file, model.parameters)
    expect((await loadModel(to)).model.parameters).toEqual(model.parameters)
    await rm(to, { recursive: true })
    await mkdir(to)
    await writeFile(join(to, 'thesis.txt'), 'three years')
    await expect(saveModelFolder(to, file, model.parameters)).rejects.toMatchObject({
      code: 'out-folder-taken',
      message: expect.stringContaining('thesis.txt'),
    })
    expect(await files(to)).toEqual(['thesis.txt'])
    const taken = join(root, 'file')
    await writeFile(taken, 'x')
    await expect(saveModelFolder(taken, file, model.parameters)).rejects.toMatchObject({
      code: 'out-folder-taken',
    })
    expect(await readFile(taken, 'utf8')).toBe('x')
  })
})
