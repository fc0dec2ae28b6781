import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { type Dataset, samples } from '../src/data/dataset.ts'
import { packDocuments } from '../src/data/documents/index.ts'
import { readDocuments } from '../src/data/documents/index-files.ts'
import { readInputFiles } from '../src/data/sidecar-files.ts'
import { wordVocabulary } from '../src/data/text/vocabulary.ts'
import { rowLosses } from '../src/evaluate/row-losses.ts'
import { bitsPerByte, documentLosses, totalLoss } from '../src/measure/text-scores.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import { randomStream } from '../src/tensor/random.ts'
import { loadRun } from '../src/train/folders/run-files.ts'
import { fisherFile } from '../src/train/plan/fisher-files.ts'
import { type PlanInput, parsePlan } from '../src/train/plan/plan.ts'
import { loadPlan } from '../src/train/plan/plan-files.ts'
import { learned } from './learn-runs.ts'
import { engine } from './op-cases.ts'
import { tinyDecoder } from './tiny-decoder.ts'

// A decoder that knows one kind of text learns another: by LwF it is taught its own next-token distribution on the new text.

const folder = mkdtempSync(join(tmpdir(), 'holdfast-given-decoder-'))
const at = (name: string) => join(folder, name)
const words = {
  old: ['red', 'green', 'blue', 'grey', 'black'],
  fresh: ['one', 'two', 'three', 'four', 'five'],
}

/** Each word is followed by the next of its kind, with a few common ones between: chains that can be learned. */
function write(kind: keyof typeof words, step: number): void {
  const random = randomStream(1, kind)
  const documents = Array.from({ length: 60 }, () => {
    const start = random.integer(5)
    // Common words, whose order both kinds of text have, but not the same.
    const order = kind === 'old' ? ['and', 'then'] : ['then', 'and']
    const line = Array.from({ length: 4 }, (_, place) => words[kind][(start + step * place) % 5])
    return { text: [...order, ...line, ...order].join(' ') }
  })
  writeFileSync(at(`${kind}.jsonl`), documents.map((row) => JSON.stringify(row)).join('\n'))
}

const plan = (source: string, path: string, given: Partial<PlanInput> = {}) =>
  learned({
    stream: { kind: 'list', scenario: 'domain', tasks: [{ name: source, source: at(`${source}.jsonl`) }] },
    model: { kind: 'onnx', path },
    data: { tokenizer: folder },
    loss: 'causal-lm',
    iterations: 40,
    batchSize: 16,
    learningRate: 0.01,
    ...given,
  })

/** Bits a byte that a model needs for some texts. */
async function bits(model: Uint8Array, source: string): Promise<number> {
  const { tokenizer } = await readInputFiles(folder, { type: 'int64', dims: ['batch', 'tokens'] })
  if (!tokenizer) throw new Error('no tokenizer')
  const { train } = await readDocuments(at(`${source}.jsonl`), { tokenizer })
  const { dataset } = packDocuments(train, { name: source, length: 8, vocabulary: 48, tokenizer })
  return bitsPerByte(totalLoss(documentLosses(await rowLosses(engine, modelFromOnnx(model), dataset))))
}

beforeAll(async () => {
  write('old', 1)
  write('fresh', 2)
  writeFileSync(
    at('tokenizer.json'),
    wordVocabulary([...Object.values(words).flat(), 'and', 'then'], { size: 48 }),
  )
  writeFileSync(at('untrained.onnx'), tinyDecoder({ vocabulary: 48 }))
  writeFileSync(at('model.onnx'), (await plan('old', at('untrained.onnx'), { iterations: 150 })).model)
})

it('forgets less of the old text when the model that it was given teaches', async () => {
  const given = await bits(new Uint8Array(readFileSync(at('model.onnx'))), 'old')
  const [free, taught] = await Promise.all([
    plan('fresh', at('model.onnx')),
    plan('fresh', at('model.onnx'), { method: { name: 'lwf', options: { temperature: 1 } } }),
  ])
  const [plain = 0, held = 0] = [await bits(free.model, 'old'), await bits(taught.model, 'old')]
  expect(plain - given).toBeGreaterThan(0.2)
  expect(held - given).toBeLessThan(0.8 * (plain - given))
})

it('forgets less of the old text when it rehearses what it has written itself', async () => {
  const given = await bits(new Uint8Array(readFileSync(at('model.onnx'))), 'old')
  const rehearsed = { method: { name: 'replay', options: { perClass: 200, oldShare: 0.5 } } }
  const own = (documents: number): Partial<PlanInput> => ({
    ...rehearsed,
    model: {
      kind: 'onnx',
      path: at('model.onnx'),
      old: 'self',
      written: { documents, tokens: 7, prompts: ['and'] },
    },
  })
  const [free, held, again] = await Promise.all([
    plan('fresh', at('model.onnx')),
    plan('fresh', at('model.onnx'), own(100)),
    plan('fresh', at('model.onnx'), own(100)),
  ])
  const plain = await bits(free.model, 'old')
  expect((await bits(held.model, 'old')) - given).toBeLessThan(0.6 * (plain - given))
  expect(again.parametersSha256).toBe(held.parametersSha256)
  // What it wrote is no data of the run's that could have changed.
  const { loaded } = await loadRun(held.folder, () => engine)
  expect(loaded.inputs.old?.labels.dims).toEqual([samples(loaded.inputs.old as Dataset), 8])
})

it('is refused texts of its own with nothing to write them on', async () => {
  const stream: PlanInput['stream'] = {
    ...{ kind: 'list', scenario: 'domain' },
    tasks: [{ name: 'fresh', source: at('fresh.jsonl') }],
  }
  const asked = parsePlan({
    ...{ stream, loss: 'causal-lm', data: { tokenizer: folder } },
    model: { kind: 'onnx', path: at('model.onnx'), old: 'self' },
  })
  await expect(loadPlan(asked)).rejects.toMatchObject({ code: 'self-written-engine' })
})

it('has a Fisher over tokens of texts, and an encoder none', async () => {
  const options = { engine, source: at('old.jsonl'), reading: { tokenizer: folder }, samples: 10, seed: 1 }
  const { summary } = await fisherFile(at('model.onnx'), at('fisher.safetensors'), options)
  expect(summary).toMatchObject({ labels: 'sampled', samples: 10 })
  expect(summary.tokens).toBeGreaterThan(30)
  expect(summary.parameters.find(({ name }) => name === 'wte')?.mass).toBeGreaterThan(0)
  writeFileSync(at('encoder.onnx'), tinyDecoder({ vocabulary: 48, causal: false }))
  await expect(fisherFile(at('encoder.onnx'), at('none.safetensors'), options)).rejects.toMatchObject({
    code: 'model-looks-ahead',
  })
})
