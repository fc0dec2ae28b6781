import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Dataset, kindOf } from '../src/data/dataset.ts'
import { packDocuments } from '../src/data/documents/index.ts'
import { createTokenizer } from '../src/data/text/index.ts'
import { wordVocabulary } from '../src/data/text/vocabulary.ts'
import { openReader } from '../src/evaluate/reader.ts'
import { rowLosses } from '../src/evaluate/row-losses.ts'
import { bitsPerByte, documentLosses, perplexity, totalLoss } from '../src/measure/text-scores.ts'
import { modelFromOnnx } from '../src/model/import/onnx-model.ts'
import { randomStream } from '../src/tensor/random.ts'
import type { LoadPlanOptions } from '../src/train/plan/load-options.ts'
import { type PlanInput, parsePlan } from '../src/train/plan/plan.ts'
import { loadPlan } from '../src/train/plan/plan-files.ts'
import { engine } from './op-cases.ts'
import { tinyDecoder } from './tiny-decoder.ts'

const place = mkdtempSync(join(tmpdir(), 'holdfast-texts-'))
const words = 'the cat a dog my horse one small bird our fish eats bites drinks runs flies swims here'.split(
  ' ',
)
const random = randomStream(3, 'stories')
const story = () =>
  Array.from({ length: 3 + random.integer(20) }, () => words[random.integer(words.length)]).join(' ')
const stories = Array.from({ length: 20 }, story)
const vocabulary = wordVocabulary([words.join(' ')], { size: 48 })
for (const family of ['gpt2', 'llama'])
  copyFileSync(`test/fixtures/families/${family}.onnx`, join(place, `${family}.onnx`))
writeFileSync(join(place, 'tokenizer.json'), vocabulary)
writeFileSync(join(place, 'tokenizer_config.json'), '{"model_max_length": 8, "eos_token": "here"}')
writeFileSync(join(place, 'stories.jsonl'), stories.map((text) => JSON.stringify({ text })).join('\n'))

const stream = (source: string): PlanInput['stream'] => ({
  ...{ kind: 'list', scenario: 'domain' },
  tasks: [{ name: 'stories', source }],
})
const load = (input: Partial<PlanInput> = {}, options?: LoadPlanOptions) =>
  loadPlan(
    parsePlan({
      stream: stream(join(place, 'stories.jsonl')),
      model: { kind: 'onnx', path: join(place, 'gpt2.onnx') },
      loss: 'causal-lm',
      iterations: 1,
      ...input,
    }),
    options,
  )
const documentsOf = ({ documents }: Dataset) => new Set(documents?.of)
const counting = ({ labels }: Dataset) => labels.data.filter((label) => label >= 0).length

describe('texts of a plan', () => {
  it('are held out by whole documents, and every token is used', async () => {
    const { inputs, notes } = await load()
    const [{ train, test } = { train: undefined, test: undefined }] = inputs.data
    if (!train || !test) throw new Error('data')
    const names = (data: Dataset) => [...documentsOf(data)].map((document) => data.documents?.names[document])
    expect(names(test)).toHaveLength(4)
    expect(new Set([...names(train), ...names(test)]).size).toBe(20)
    const tokens = stories.map((text) => text.split(' ').length)
    expect(counting(train) + counting(test)).toBe(tokens.reduce((sum, one) => sum + one - 1, 0))
    expect(train.inputs.dims[1]).toBe(8)
    expect(kindOf(train)).toBe('token-classification')
    expect(notes.join('\n')).toMatch(
      /stories.jsonl, train part: \d+ tokens in 16 documents: all used, in \d+ rows of 8; /,
    )
  })

  it('are said to be taken in part where a limit says so', async () => {
    const { inputs, notes } = await load({ data: { limit: { train: 5, test: 100 } } })
    expect(inputs.data[0]?.train.documents?.of).toHaveLength(5)
    expect(notes.at(-1)).toMatch(
      /stories.jsonl, train part: data.limit takes 5 of these rows, chosen at random/,
    )
  })

  it('say where low-rank updates have more rank than layers can use, and what is done', async () => {
    const model = (rank: number): Partial<PlanInput> => ({
      model: { kind: 'onnx', path: join(place, 'gpt2.onnx'), lora: { rank } },
    })
    const notes = async (rank: number) => (await load(model(rank))).notes.join('\n')
    expect(await notes(500)).toMatch(
      /Low-rank updates of rank 500 were asked for, .* they get rank 500 as asked, and there rank \d+ learns as much/,
    )
    expect(await notes(2)).not.toContain('Low-rank')
  })

  it('are joined for training alone', async () => {
    const { inputs } = await load({ data: { documents: { pack: 'joined' } } })
    expect(inputs.data[0]?.train.documents).toBeUndefined()
    expect(documentsOf(inputs.data[0]?.test as Dataset).size).toBe(4)
  })

  it('are cut to what the model’s table of positions holds, where no other file says', async () => {
    const folder = mkdtempSync(join(place, 'positions-'))
    writeFileSync(join(folder, 'model.onnx'), tinyDecoder({ vocabulary: 48 }))
    writeFileSync(join(folder, 'tokenizer.json'), vocabulary)
    writeFileSync(join(folder, 'long.txt'), [0, 1].map(() => stories.join(' ')).join('\n\n'))
    const { inputs } = await load({
      stream: stream(join(folder, 'long.txt')),
      model: { kind: 'onnx', path: join(folder, 'model.onnx') },
      data: { documents: { paragraphs: true } },
    })
    expect(inputs.data[0]?.train.inputs.dims[1]).toBe(24)
  })

  it('are refused where that cannot be, and what is asked of documents where none are read', async () => {
    writeFileSync(join(place, 'one.txt'), stories.join('\n\n'))
    const one = stream(join(place, 'one.txt'))
    await expect(load({ stream: one })).rejects.toThrow(
      /of 1 document a share of 0.2 cannot be held out .* \(paragraphs\)/,
    )
    const parted = await load({ stream: one, data: { documents: { paragraphs: true } } })
    expect(documentsOf(parted.inputs.data[0]?.train as Dataset).size).toBe(16)
    await expect(load({ stream: stream('mnist') })).rejects.toThrow(
      /mnist: these are images .* is a language model/,
    )
    expect(() => load({ loss: undefined, data: { documents: { overlap: 2 } } })).toThrow(
      /says how a language model reads texts; set loss: causal-lm/,
    )
    await expect(load({ data: { maxLength: 16 } })).rejects.toThrow(
      /Rows of 16 tokens are asked for \(maxLength\), but the model reads 8/,
    )
  })
})

describe.each(['gpt2', 'llama'])('losses of rows of a %s', (family) => {
  const model = modelFromOnnx(new Uint8Array(readFileSync(join(place, `${family}.onnx`))))
  const tokenizer = createTokenizer({ tokenizer: vocabulary })
  const documents = stories.slice(0, 6).map((text, at) => ({
    place: `story ${at}`,
    ids: Int32Array.from(tokenizer.ids(text)),
    bytes: text.length,
  }))
  const packed = (length: number, filler: number) =>
    packDocuments(documents, { name: 'stories', length, vocabulary: 48, tokenizer: { ...frame, filler } })
      .dataset
  const frame = { eos: undefined, frame: { before: [], after: [] } }

  it('are those that its logits give', async () => {
    const data = packed(8, 0)
    const losses = await rowLosses(engine, model, data)
    const reader = openReader(engine, model, 48)
    const { data: logits } = await reader.logits(data)
    await reader.dispose()
    const expected = new Float64Array(data.inputs.dims[0] ?? 0)
    for (const [at, label] of data.labels.data.entries()) {
      if (label < 0) continue
      const own = logits.subarray(at * 48, (at + 1) * 48)
      const sum = own.reduce((all, logit) => all + Math.exp(logit), 0)
      const row = Math.floor(at / 8)
      expected[row] = (expected[row] ?? 0) + Math.log(sum) - (own[label] ?? 0)
    }
    for (const [row, nats] of expected.entries()) expect(losses.nats[row]).toBeCloseTo(nats, 3)
    const total = totalLoss(documentLosses(losses))
    expect(total.bytes).toBe(documents.reduce((sum, { bytes }) => sum + bytes, 0))
    expect(bitsPerByte(total)).toBeCloseTo(Math.log2(perplexity(total)) * (total.tokens / total.bytes), 9)
  })

  it('do not depend on what fills rows up, nor on how much does', async () => {
    const wide = await rowLosses(engine, model, packed(12, 0))
    const other = await rowLosses(engine, model, packed(12, 5))
    for (const [row, nats] of Array.from(wide.nats).entries()) expect(other.nats[row]).toBeCloseTo(nats, 4)
    const short = documents.filter(({ ids }) => ids.length <= 9).map(({ place: name }) => name)
    const narrow = documentLosses(await rowLosses(engine, model, packed(8, 0)))
    const one = documentLosses(wide)
    for (const name of short) {
      const at = documents.findIndex((document) => document.place === name)
      expect(one[at]?.nats).toBeCloseTo(narrow[at]?.nats ?? Number.NaN, 4)
    }
    expect(short.length).toBeGreaterThan(0)
  })
})
