import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readingFor } from '../src/data/reading-files.ts'
import { sourceOf } from '../src/data/spilled.ts'
import { wordVocabulary } from '../src/data/text/vocabulary.ts'
import { loadModel } from '../src/model/import/index-files.ts'
import { randomStream } from '../src/tensor/random.ts'
import { type KeptRun, runInFolder } from '../src/train/folders/run-files.ts'
import { type PlanInput, parsePlan } from '../src/train/plan/plan.ts'
import { loadPlan } from '../src/train/plan/plan-files.ts'
import { measuredTexts } from '../src/update/measured-texts-files.ts'
import { extendTextFile, keepTextFile } from '../src/update/text-pack/keep-texts-files.ts'
import { loadTextUpdate } from '../src/update/texts/load-texts-files.ts'
import { updateTexts } from '../src/update/texts/update-texts.ts'
import { engine } from './op-cases.ts'
import { tinyDecoder } from './tiny-decoder.ts'

// Texts of which memory holds a few documents, or none, and the others lie on disk: what is learned is the same to the last bit.

const folder = mkdtempSync(join(tmpdir(), 'holdfast-spilled-texts-'))
const at = (name: string) => join(folder, name)
const words = 'the cat a dog my horse one small bird our fish eats bites drinks runs flies swims'.split(' ')
const random = randomStream(5, 'spilled texts')
const sentence = (least: number, more: number) =>
  Array.from({ length: least + random.integer(more) }, () => words[random.integer(words.length)]).join(' ')
const template =
  "{% for message in messages %}{% if message.role == 'assistant' %}{% generation %}{{ message.content }} end {% endgeneration %}{% else %}{{ message.content }} {% endif %}{% endfor %}"

const kinds = {
  texts: () => ({ text: sentence(2, 40) }),
  chats: () => ({
    messages: Array.from({ length: 2 * (1 + random.integer(3)) }, (_, turn) => ({
      role: turn % 2 === 0 ? 'user' : 'assistant',
      content: sentence(1, 12),
    })),
  }),
}
type Kind = keyof typeof kinds

let cacheBefore: string | undefined
beforeAll(() => {
  cacheBefore = process.env.HOLDFAST_CACHE
  process.env.HOLDFAST_CACHE = at('cache')
  for (const [name, make] of Object.entries(kinds)) {
    for (const part of ['one', 'two'])
      writeFileSync(
        at(`${name}-${part}.jsonl`),
        Array.from({ length: 30 }, () => JSON.stringify(make())).join('\n'),
      )
  }
  writeFileSync(at('tokenizer.json'), wordVocabulary([[...words, 'end'].join(' ')], { size: 48 }))
  writeFileSync(at('tokenizer_config.json'), JSON.stringify({ eos_token: 'end', chat_template: template }))
  writeFileSync(at('model.onnx'), tinyDecoder({ vocabulary: 48 }))
})
afterAll(() => {
  if (cacheBefore === undefined) delete process.env.HOLDFAST_CACHE
  else process.env.HOLDFAST_CACHE = cacheBefore
})

const planOf = (kind: Kind, maxBytes: number, given: Partial<PlanInput>) =>
  parsePlan({
    stream: {
      ...{ kind: 'list', scenario: 'domain' },
      tasks: ['one', 'two'].map((name) => ({ name, source: at(`${kind}-${name}.jsonl`) })),
    },
    model: { kind: 'onnx', path: at('model.onnx') },
    loss: 'causal-lm',
    iterations: 12,
    batchSize: 4,
    checkpointEvery: 3,
    ...given,
    data: { maxLength: 16, ...given.data, maxBytes },
  })

/** Learns as `holdfast learn` does; broken off after so many events, and gone on with, where that is asked for. */
async function learned(kind: Kind, maxBytes: number, given: Partial<PlanInput>, breakAfter?: number) {
  const plan = planOf(kind, maxBytes, given)
  const place = join(mkdtempSync(at('run-')), 'run')
  const losses: unknown[] = []
  for (let stop = breakAfter; ; stop = undefined) {
    const loaded = await loadPlan(plan, { engine: () => engine })
    const ended = new AbortController()
    const events = runInFolder(loaded, { engine, folder: place, verb: 'learn', signal: ended.signal })
    let next = await events.next()
    for (let met = 1; !next.done; met++) {
      if (met === stop) ended.abort()
      if (next.value.type === 'progress') losses.push(next.value.losses)
      next = await events.next()
    }
    if (next.value.status === 'interrupted') continue
    const { result, parametersSha256 } = next.value as KeptRun
    const { matrix, initial } = result
    const [first] = loaded.inputs.data
    if (!first) throw new Error('no data')
    return {
      loaded,
      notes: loaded.notes.filter((note) => /of tokens have no room in/.test(note)),
      onDisk: [first.train, first.test].map(
        ({ inputs, labels }) => [inputs, labels].filter((tensor) => sourceOf(tensor)?.spill).length,
      ),
      said: { losses, matrix, initial, parametersSha256, dataSha256: loaded.dataSha256 },
    }
  }
}

async function sameEitherWay(kind: Kind, given: Partial<PlanInput> = {}, breakAfter?: number): Promise<void> {
  const memory = await learned(kind, 2 ** 30, given)
  expect(memory.notes).toEqual([])
  for (const maxBytes of [1, 6000]) {
    const disk = await learned(kind, maxBytes, given, breakAfter)
    expect(disk.notes).toEqual([expect.stringContaining(join('cache', 'spill'))])
    expect(disk.onDisk[0]).toBe(2)
    if (breakAfter === undefined) expect(disk.said).toEqual(memory.said)
    else expect(disk.said.parametersSha256).toBe(memory.said.parametersSha256)
  }
}

describe('texts that memory has no room for', () => {
  for (const kind of ['texts', 'chats'] as const) {
    for (const pack of ['documents', 'joined'] as const)
      it(`are learned to the same bits: ${kind}, ${pack}`, () =>
        sameEitherWay(kind, { data: { documents: { pack, overlap: 3 } } }))
  }

  it('are held out for early stopping, cut by a limit and gone on with in the middle', async () => {
    await sameEitherWay('chats', { earlyStopping: { every: 3 } })
    await sameEitherWay('texts', { data: { limit: { train: 20, test: 10 } }, score: 'macro-f1' })
    await sameEitherWay('chats', {}, 4)
  })

  for (const name of ['replay', 'ewc', 'lwf', 'joint', 'a-gem'])
    it(`are learned by ${name} to the same bits`, () => sameEitherWay('texts', { method: { name } }))

  it('have their whole content where it is asked for in memory', async () => {
    const { loaded } = await learned('chats', 2 ** 30, {})
    const [{ train } = { train: undefined }] = loaded.inputs.data
    const [rows = 0, length = 0] = train?.inputs.dims ?? []
    expect(train?.inputs.data).toHaveLength(rows * length)
    expect(train?.labels.data).toBe(train?.labels.data)
    const { loaded: other } = await learned('chats', 1, {})
    expect(() => other.inputs.data[0]?.train.labels.data).toThrow(/kept on disk.*maxBytes/)
  })
})

describe('other verbs with texts that memory has no room for', () => {
  const laid = /of tokens have no room in/
  const [old, fresh] = ['one', 'two'].map((part) => at(`chats-${part}.jsonl`)) as [string, string]
  const readingOf = (maxBytes: number) => ({ maxLength: 16, maxBytes })

  /** What is the same from memory and from disk. */
  async function alike<T>(of: (maxBytes: number) => Promise<{ said: T; notes: readonly string[] }>) {
    const [memory, disk] = [await of(2 ** 30), await of(1)]
    expect(memory.notes.filter((note) => laid.test(note))).toEqual([])
    expect(disk.notes.filter((note) => laid.test(note))).toHaveLength(1)
    expect(disk.said).toEqual(memory.said)
  }

  it('measure the same losses', () =>
    alike(async (maxBytes) => {
      const { model } = await loadModel(at('model.onnx'))
      const { tokenizer } = (await readingFor({ path: at('model.onnx'), input: model.input }, undefined))
        .options
      const named = { name: 'tiny', model }
      const reading = { ...readingOf(maxBytes), tokenizer }
      const { figures, notes } = await measuredTexts(engine, named, old, reading)
      return { said: figures, notes }
    }))

  it('keep and extend the same packs', () =>
    alike(async (maxBytes) => {
      const sources = { engine, model: at('model.onnx'), reading: readingOf(maxBytes) }
      const out = at(`kept-${maxBytes}.keep`)
      const one = await keepTextFile({
        ...sources,
        data: old,
        out,
        budget: { tokens: 60, choose: 'hardest' },
      })
      const two = await extendTextFile(out, { ...sources, data: fresh, out: at('next.keep') })
      const said = [one, two].map(({ pack }) => {
        const { created: _, history, ...rest } = pack
        return { ...rest, history: history.map(({ loss }) => loss) }
      })
      return { said, notes: one.notes }
    }))

  for (const pack of ['documents', 'joined'] as const)
    it(`are updated to the same weights, ${pack}`, () =>
      alike(async (maxBytes) => {
        const reading = { ...readingOf(maxBytes), documents: { pack, overlap: 0 } }
        const sources = { engine, model: at('model.onnx'), fresh, old, reading }
        const { learner, notes } = await loadTextUpdate(sources, await loadModel(at('model.onnx')))
        const { parameters, trials, documents, status } = await updateTexts({
          ...{ engine, ...learner, epochs: 2, batchSize: 4, learningRate: 1e-2, seed: 3 },
          budget: { unit: 'relative', maxChange: 0.5 },
        })
        const looks = trials.map(({ looks: seen, curve }) => ({ seen, curve }))
        return { said: { parameters, looks, documents, status }, notes }
      }))
})
