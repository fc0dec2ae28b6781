import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mlp } from '../layers/networks.ts'
import { companionsOf } from './companions-files.ts'
import { loadModel } from './files.ts'
import { modelToOnnx } from './onnx-model.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-companions-'))
})
afterAll(() => rm(root, { recursive: true }))

/** Names of the files that go with a model that lies beside these. */
async function going(folder: string, files: Readonly<Record<string, string>>): Promise<string[]> {
  await mkdir(join(root, folder))
  const path = join(root, folder, 'model.onnx')
  await writeFile(path, modelToOnnx(mlp({ widths: [2, 2], classes: ['a', 'b'], seed: 1 })))
  for (const [name, content] of Object.entries(files)) await writeFile(join(root, folder, name), content)
  const { file, model } = await loadModel(path)
  const found = await companionsOf(join(root, `${folder}-out`, 'new.onnx'), file, model)
  return found.map((companion) => relative(join(root, `${folder}-out`), companion.path)).sort()
}

test('all that says how inputs are made goes with a model', async () => {
  const files = {
    'holdfast.json': '{"mean": 1}',
    'preprocessor_config.json': '{}',
    'tokenizer.json': '{}',
    'tokenizer_config.json': '{}',
    'notes.txt': 'mine',
  }
  expect(await going('all', files)).toEqual([
    'holdfast.json',
    'preprocessor_config.json',
    'tokenizer.json',
    'tokenizer_config.json',
  ])
})

test('a config.json without labels goes with a tokenizer, as it says how long a text may be, and else stays', async () => {
  const config = { 'config.json': '{"max_position_embeddings": 128}' }
  expect(await going('text', { ...config, 'tokenizer.json': '{}' })).toEqual([
    'config.json',
    'tokenizer.json',
  ])
  expect(await going('numbers', config)).toEqual([])
})
