import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readingDifference } from './reading-difference-files.ts'

let root = ''
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-difference-'))
})
afterAll(() => rm(root, { recursive: true }))

const numbers = { type: 'float32', dims: ['batch', 2] } as const
const images = { type: 'float32', dims: ['batch', 3, 8, 8] } as const

/** A model in a folder of its own, with these files beside it. */
async function beside(folder: string, files: Readonly<Record<string, object>>): Promise<string> {
  await mkdir(join(root, folder), { recursive: true })
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(root, folder, name), JSON.stringify(content))
  }
  return join(root, folder, 'model.onnx')
}

test('models that read alike are not warned of, whatever words say so', async () => {
  const one = { path: await beside('one', { 'holdfast.json': { mean: 0.5, std: 2 } }), input: images }
  const same = {
    path: await beside('same', { 'holdfast.json': { std: [2, 2, 2], mean: [0.5, 0.5, 0.5] } }),
    input: images,
  }
  expect(await readingDifference(one, one)).toEqual([])
  expect(await readingDifference(one, same)).toEqual([])
})

test('a file that was left behind is a warning that names the models and what differs', async () => {
  const old = {
    path: await beside('old', { 'holdfast.json': { mean: 3, std: 2, features: ['b', 'a'] } }),
    input: numbers,
  }
  const bare = { path: await beside('bare', {}), input: numbers }
  expect(await readingDifference(old, bare)).toEqual([
    `warning: ${old.path} and ${bare.path} read their data differently (features, mean, std), as holdfast.json, preprocessor_config.json and tokenizer.json beside them say. If the one is an update of the other, give both the same files.`,
  ])
  // What a flag says holds for both.
  const said = await readingDifference(old, bare, { preprocessing: 'unit' })
  expect(said[0]).toContain('differently (features),')
})

test('tokenizers are compared by what they hold, wherever they lie', async () => {
  const tokenizer = (words: readonly string[]) => ({
    model: {
      type: 'WordLevel',
      vocab: Object.fromEntries(words.map((word, at) => [word, at])),
      unk_token: '[UNK]',
    },
    pre_tokenizer: { type: 'Whitespace' },
    added_tokens: [],
  })
  const text = { type: 'int64', dims: ['batch', 'tokens'] } as const
  const at = async (folder: string, words: readonly string[]) => ({
    path: await beside(folder, { 'tokenizer.json': tokenizer(words) }),
    input: text,
  })
  const [one, copy, other] = [
    await at('text', ['[UNK]', '[PAD]', 'yes']),
    await at('copy', ['[UNK]', '[PAD]', 'yes']),
    await at('other', ['[UNK]', '[PAD]', 'no']),
  ]
  expect(await readingDifference(one, copy)).toEqual([])
  expect((await readingDifference(one, other))[0]).toContain('differently (tokenizer),')
  expect(await readingDifference(one, other, { reading: { tokenizer: 'somewhere' } })).toEqual([])
})
