import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readDataset } from '../src/data/files.ts'
import { readInputFiles } from '../src/data/sidecar-files.ts'
import { wordVocabulary } from '../src/data/text/vocabulary.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { none } from '../src/methods/none.ts'
import { loadModel, saveModel } from '../src/model/import/files.ts'
import { randomStream } from '../src/tensor/random.ts'
import { adam } from '../src/train/step/optimisers.ts'
import { extendFile, keepFile } from '../src/update/pack/keep-files.ts'
import { readPack } from '../src/update/pack/pack-files.ts'
import { fineTune } from '../src/update/recipes/fine-tune.ts'
import { updateModel } from '../src/update/update.ts'
import { loadUpdate } from '../src/update/update-files.ts'
import { headSelection } from '../src/update/update-pack.ts'
import { writeUpdated } from '../src/update/update-writing-files.ts'

const engine = ortNode()
const folder = mkdtempSync(join(tmpdir(), 'holdfast-update-text-'))
const at = (name: string) => join(folder, name)
const classes = ['music', 'weather', 'alarm', 'travel', 'food']
const words: Readonly<Record<string, readonly string[]>> = {
  music: ['play', 'song'],
  weather: ['rain', 'sunny'],
  alarm: ['wake', 'timer'],
  travel: ['flight', 'hotel'],
  food: ['recipe', 'dinner'],
  money: ['account', 'transfer'],
}
const around = ['please', 'the', 'for', 'me', 'now', 'today']

/** Sentences in which one word tells the class; those with more words need more padding of the others. */
function sentences(names: readonly string[], perClass: number, seed: number, most: number): string {
  const random = randomStream(seed, 'sentences')
  const lines = names.flatMap((label) =>
    Array.from({ length: perClass }, () => {
      const others = Array.from({ length: 1 + random.integer(most) }, () => around[random.integer(6)])
      const text = [words[label]?.[random.integer(2)], ...others].join(' ')
      return JSON.stringify({ text, label })
    }),
  )
  return lines.join('\n')
}

function texts(name: string, names: readonly string[], perClass: number, seed: number, most: number): void {
  mkdirSync(at(name))
  writeFileSync(join(at(name), 'train.jsonl'), sentences(names, perClass, seed, most))
  writeFileSync(join(at(name), 'test.jsonl'), sentences(names, perClass, seed + 1, most))
}

beforeAll(async () => {
  texts('old', classes, 40, 1, 2)
  texts('new', ['money'], 30, 3, 10)
  copyFileSync('test/fixtures/families/distilbert.onnx', at('untrained.onnx'))
  writeFileSync(at('labels.txt'), classes.join('\n'))
  const known = [...Object.values(words).flat(), ...around]
  writeFileSync(at('tokenizer_config.json'), JSON.stringify({ model_max_length: 12 }))
  writeFileSync(at('tokenizer.json'), wordVocabulary(known, { size: 48 }))
  const { model, file } = await loadModel(at('untrained.onnx'))
  const { tokenizer } = await readInputFiles(file.path, model.input)
  const { train } = await readDataset(at('old'), { tokenizer, classes })
  const { parameters } = await fineTune({
    engine,
    model,
    train,
    method: none(),
    settings: { optimiser: adam() },
    iterations: 100,
    batchSize: 32,
    learningRate: 1e-2,
    seed: 1,
  })
  await saveModel(at('model.onnx'), file, parameters)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('an update of a text classifier with a tokenizer beside it', () => {
  test.each([
    [false, [10, 8]],
    [true, [10, 16]],
  ])('from a pack (private: %s), which goes on afterwards', async (hides, dims) => {
    const [pack, better, next] = [`${hides}.keep`, `${hides}.onnx`, `${hides}-next.keep`].map(at)
    if (!pack || !better || !next) throw new Error('no names')
    const place = { engine, budget: { rows: 10, choose: 'herding' as const } }
    const model = at('model.onnx')
    await keepFile({ ...place, model, data: at('old'), out: pack, private: hides, fisher: true })
    const kept = await readPack(pack)
    expect(kept.exemplars?.inputs.dims).toEqual(dims)
    const loaded = await loadUpdate({ engine, model, fresh: at('new'), keep: pack })
    expect(loaded.learner.fisher?.size).toBeGreaterThan(0)
    expect(loaded.learner.fisher).toEqual(kept.fisher?.diagonal)
    const result = await updateModel({
      engine,
      ...loaded.learner,
      data: loaded.data,
      budget: { maxDrop: 0.05 },
      epochs: 10,
      learningRate: 1e-2,
      rungs: ['whole'],
      ...(hides ? { select: headSelection(pack, {}) } : {}),
    })
    expect(result.old?.before).toBeGreaterThan(0.95)
    expect(result.old?.after).toBeGreaterThan(0.8)
    expect(result.new).toMatchObject({ before: 0, n: 30 })
    expect(result.new.after).toBeGreaterThan(0.6)
    await writeUpdated(better, loaded, result)
    await extendFile(pack, { ...place, model: better, data: at('new'), out: next })
    const extended = await readPack(next)
    expect(extended.classes).toEqual([...classes, 'money'])
    expect(extended.exemplars?.inputs.dims).toEqual(hides ? dims : [10, 12])
  })
})
