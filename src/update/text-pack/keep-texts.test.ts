import { describe, expect, test } from 'vitest'
import { engine } from '../../../test/op-cases.ts'
import { tinyDecoder } from '../../../test/tiny-decoder.ts'
import { ignoredLabel } from '../../data/dataset.ts'
import { documentKey, packDocuments, type TokenDocument } from '../../data/documents/index.ts'
import { textFigures } from '../../evaluate/index.ts'
import { openReader } from '../../evaluate/reader.ts'
import { modelFromOnnx } from '../../model/import/onnx-model.ts'
import { withTokenClasses } from '../../model/language.ts'
import { itemAt } from '../../required.ts'
import { extendedLength, extendTexts } from './extend-texts.ts'
import { type KeepTextsOptions, keepTexts } from './keep-texts.ts'
import { answersOn } from './measure-documents.ts'
import { mergeTextPacks } from './merge-texts.ts'
import { topTokensOf } from './text-exemplars.ts'
import type { TextPack } from './text-pack.ts'
import { decodeTextPack, encodeTextPack } from './text-pack-codec.ts'
import { summariseTextPack } from './text-pack-summary.ts'

const model = modelFromOnnx(tinyDecoder())
const better = modelFromOnnx(tinyDecoder({ seed: 1 }))
const vocabulary = 13
const [old, renewed] = ['ab', 'cd'].map((two, at) => ({ name: `gpt-${at}`, sha256: two.repeat(32) }))
if (!old || !renewed) throw new Error('two releases')

/** Texts of 5 to 12 tokens, all different; of every third only the second half is learned. */
const texts = (name: string, count: number): TokenDocument[] =>
  Array.from({ length: count }, (_, at) => {
    const length = 5 + ((at * 3) % 8)
    const seed = [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), at * 17)
    const ids = Int32Array.from(
      { length },
      (_, place) => (seed + place * (at + 2) + ((seed >> place) & 3)) % vocabulary,
    )
    const learned = Uint8Array.from({ length }, (_, place) => (place * 2 < length ? 0 : 1))
    return { place: `${name} ${at}`, ids, bytes: 2 * length, ...(at % 3 === 0 ? { learned } : {}) }
  })

const options: KeepTextsOptions = {
  ...{ engine, model, identity: old, tokenizer: { sha256: 'ee'.repeat(32), filler: 0 } },
  ...{ name: 'songs', train: texts('train', 20), heldOut: texts('test', 8), rowLength: 8 },
  ...{ created: '2026-01-02T03:04:05.000Z', versions: { holdfast: '0.1.0' } },
}
const rowsOf = (documents: readonly TokenDocument[], overlap = 0) =>
  packDocuments(documents, {
    ...{ name: 'rows', length: 8, vocabulary, overlap },
    tokenizer: { filler: 3, eos: undefined, frame: { before: [], after: [] } },
  }).dataset
const told = new Map<string, readonly [done: number, of: number]>()
const made = keepTexts({ ...options, onProgress: (what, done, of) => told.set(what, [done, of]) })

/** All log-probabilities that a model gives where labels of rows count, by hand. */
async function logsOf(pack: TextPack, of = model): Promise<readonly (readonly number[])[]> {
  const dataset = rowsOf(pack.exemplars, pack.overlap)
  const reader = openReader(engine, withTokenClasses(of), vocabulary)
  const { data } = await reader.logits(dataset)
  await reader.dispose()
  return [...dataset.labels.data].flatMap((label, place) => {
    if (label === ignoredLabel) return []
    const logits = [...data.subarray(place * vocabulary, (place + 1) * vocabulary)]
    const all = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
    return [logits.map((logit) => logit - all)]
  })
}

describe('a pack of texts', () => {
  test('knows what the model thinks at each token of its exemplars, in the order in which rows of them count', async () => {
    for (const [overlap, topTokens] of [
      [0, 3],
      [5, 20],
    ] as const) {
      const { pack, notes } = await keepTexts({ ...options, overlap, topTokens })
      expect(notes.some((note) => note.includes('these are taken'))).toBe(topTokens > vocabulary)
      const k = Math.min(topTokens, vocabulary)
      const logs = await logsOf(pack)
      expect(pack.answers?.ids.dims).toEqual([logs.length, k])
      for (const [place, wanted] of logs.entries()) {
        const likeliest = [...wanted].sort((a, b) => b - a).slice(0, k)
        for (const [rank, log] of likeliest.entries()) {
          const kept = itemAt(pack.answers?.logProbabilities.data ?? [], place * k + rank, 'answer')
          expect(kept).toBeLessThanOrEqual(log + 1e-5)
          expect(Math.abs(kept - log)).toBeLessThan(1e-5 + Math.abs(log) / 1000)
          const token = itemAt(pack.answers?.ids.data ?? [], place * k + rank, 'token')
          expect(wanted[token]).toBeCloseTo(log, 5)
        }
      }
    }
  })

  test('knows what the model loses on each held-out document, and is the same from its file', async () => {
    const { pack, notes } = await made
    const { documents } = await textFigures(engine, withTokenClasses(model), rowsOf(options.heldOut ?? []))
    expect(pack.losses.map(({ nats }) => nats)).toEqual(documents.map(({ nats }) => nats))
    expect(pack.heldOut).toEqual(options.heldOut)
    expect(pack.exemplars.map(documentKey).sort()).toEqual(options.train.map(documentKey).sort())
    expect(pack).toMatchObject({ uses: new Array(8).fill(0), first: undefined, vocabulary, rowLength: 8 })
    expect(notes).toEqual(['songs, train part: 166 tokens in 20 documents are kept of 166 tokens, 100.0 %.'])
    const back = decodeTextPack(encodeTextPack(pack), 'songs.keep')
    expect(back).toEqual(pack)
    expect(summariseTextPack(back)).toMatchObject({
      schema: 'holdfast.keep-texts/1',
      exemplars: { documents: 20, tokens: 166 },
      answers: { topTokens: 13, share: expect.closeTo(1, 2) },
      heldOut: {
        documents: 8,
        bitsPerByte: expect.any(Number),
        uses: [{ releases: 0, documents: 8 }],
        first: null,
      },
    })
  })

  test('tells those who follow how many tokens of documents are measured', async () => {
    const { pack } = await made
    const tokens = (documents: readonly TokenDocument[]) =>
      documents.reduce((sum, { ids }) => sum + ids.length, 0)
    const [exemplars, held] = [tokens(pack.exemplars), tokens(pack.heldOut)]
    expect([...told]).toEqual([
      ['the loss on held-out documents', [held, held]],
      ['the likeliest tokens of exemplars', [exemplars, exemplars]],
    ])
  })

  test('keeps what a budget allows: documents that cost most, no answers, fewer held-out ones', async () => {
    const { pack } = await keepTexts({
      ...options,
      ...{ budget: { documents: 4, choose: 'hardest' }, topTokens: 0, heldOutDocuments: 5 },
    })
    const { documents } = await textFigures(engine, withTokenClasses(model), rowsOf(options.train))
    const hardest = documents
      .map(({ document, nats, bytes }) => ({ document, cost: nats / bytes }))
      .sort((a, b) => b.cost - a.cost)
    expect(pack.exemplars.map(({ place }) => place)).toEqual(hardest.slice(0, 4).map((one) => one.document))
    expect(pack.answers).toBeUndefined()
    expect(pack.heldOut).toHaveLength(5)
  })

  test('says where an update could not be proved', async () => {
    const notesFor = async (more: Partial<KeepTextsOptions>) =>
      (await keepTexts({ ...options, ...more })).notes
    expect((await notesFor({ heldOut: undefined })).at(-1)).toContain('No documents are held out')
    expect((await notesFor({ heldOut: options.train })).at(-1)).toContain('No documents are left to hold out')
    expect((await notesFor({ heldOut: texts('few', 4) })).at(-1)).toContain('a bound needs 5 at least')
  })

  test('takes a long document in pieces, and says so', async () => {
    const ids = Int32Array.from({ length: 5000 }, (_, at) => (at * at + (at >> 3)) % vocabulary)
    const long = { place: 'book', ids, bytes: 9000 }
    const { pack, notes } = await keepTexts({
      ...{
        ...options,
        train: [long, ...options.train],
        heldOut: [{ ...long, ids: ids.slice(1) }, ...texts('test', 8)],
      },
      ...{ budget: { tokens: 4300, choose: 'random' }, topTokens: 1 },
    })
    expect(pack.exemplars.every((each) => each.ids.length <= 4097)).toBe(true)
    expect(notes[0]).toBe(
      'songs, train part: 1 of 21 documents has more than 4,097 tokens (the first: book) and is taken in pieces of that: 22 documents to choose from.',
    )
    expect(notes.join()).toContain('of 1 held-out document with more than 4,097 tokens one piece')
    expect(pack.heldOut[0]?.place).toMatch(/^book, tokens/)
  })

  test('keeps as many answers a token as their size allows, and as the model knows tokens', () => {
    const tokens = (length: number) => [{ place: 'x', ids: new Int32Array(length), bytes: 1 }]
    expect(topTokensOf(undefined, tokens(65_536), 2048)).toBe(32)
    expect(topTokensOf(undefined, tokens(300_001), 2048)).toBe(13)
    expect(topTokensOf(undefined, tokens(300_001), 150_000)).toBe(9)
    expect(topTokensOf(undefined, tokens(5_000_000), 2048)).toBe(8)
    expect(topTokensOf(undefined, tokens(50), 20)).toBe(20)
    expect([topTokensOf(40, tokens(50), 20), topTokensOf(0, tokens(50), 20)]).toEqual([20, 0])
  })

  test('is not as large as all that the model could say', async () => {
    const many = [{ place: 'x', ids: new Int32Array(2 ** 14), bytes: 1 }]
    const how = {
      ...{ engine, model, name: 'gpt', vocabulary: 2 ** 16 },
      ...{ rowLength: 8, overlap: 0, filler: 0 },
    }
    await expect(answersOn(many, 2 ** 16, how)).rejects.toMatchObject({
      code: 'top-tokens',
      message: expect.stringContaining('Keep 32770 a token'),
    })
  })

  test('refuses an encoder, and texts with nothing to learn', async () => {
    const encoder = modelFromOnnx(tinyDecoder({ causal: false }))
    await expect(
      keepTexts({ ...options, model: encoder, heldOut: undefined, topTokens: 0 }),
    ).rejects.toMatchObject({
      code: 'model-looks-ahead',
    })
    const empty = [{ place: 'x', ids: Int32Array.of(1), bytes: 0 }]
    await expect(keepTexts({ ...options, train: empty })).rejects.toMatchObject({ code: 'documents-empty' })
    const strange = [{ place: 'y', ids: Int32Array.of(1, 13), bytes: 4 }]
    await expect(keepTexts({ ...options, train: strange })).rejects.toMatchObject({
      code: 'token-out-of-range',
    })
  })
})

describe('an extended pack', () => {
  const first = keepTexts({ ...options, budget: { documents: 12, choose: 'random' }, topTokens: 2 })
  const next = async (more: Partial<Parameters<typeof extendTexts>[0]> = {}) => {
    const { pack: before } = await first
    const extended = await extendTexts({
      ...{ ...options, budget: undefined, pack: before, model: better, identity: renewed, name: 'hymns' },
      ...{ train: texts('new', 30), heldOut: texts('fresh', 6), ...more },
    })
    return { before, ...extended }
  }

  test('has both texts inside the budget, the new model’s answers and losses, and the first release’s', async () => {
    const { before, pack } = await next()
    const from = (name: string) => pack.exemplars.filter(({ place }) => place.startsWith(name)).length
    expect([from('train'), from('new')]).toEqual([6, 6])
    expect(pack.budget).toEqual(before.budget)
    const logs = await logsOf(pack, better)
    expect(pack.answers?.ids.dims).toEqual([logs.length, 2])
    expect(pack.answers?.logProbabilities.data[0]).toBeCloseTo(Math.max(...(logs[0] ?? [])), 2)
    const held = [...(options.heldOut ?? []), ...texts('fresh', 6)]
    const { documents } = await textFigures(engine, withTokenClasses(better), rowsOf(held))
    expect(pack.heldOut).toEqual(held)
    expect(pack.losses.map(({ nats }) => nats)).toEqual(documents.map(({ nats }) => nats))
    expect(pack.first).toEqual({ name: 'gpt-0', losses: [...before.losses, ...new Array(6).fill(undefined)] })
    expect(pack.uses).toEqual([...new Array(8).fill(1), ...new Array(6).fill(0)])
    expect(pack.history.map(({ model: release, documents: many }) => [release.name, many])).toEqual([
      ['gpt-0', 8],
      ['gpt-1', 14],
    ])
    expect(pack.data.map(({ name }) => name)).toEqual(['songs', 'hymns'])
    expect(decodeTextPack(encodeTextPack(pack), 'next.keep')).toEqual(pack)
  })

  test('keeps the first release beside a third, and counts what proved both', async () => {
    const { pack: second } = await next()
    const identity = { name: 'gpt-2', sha256: 'ef'.repeat(32) }
    const { pack } = await extendTexts({
      ...{ ...options, pack: second, model, identity, name: 'psalms' },
      ...{ train: texts('third', 30), heldOut: texts('last', 5) },
    })
    const from = (name: string) => pack.exemplars.filter(({ place }) => place.startsWith(name)).length
    expect([from('train'), from('new'), from('third')]).toEqual([4, 4, 4])
    expect(pack.first?.name).toBe('gpt-0')
    expect(pack.first?.losses.filter((loss) => loss)).toEqual(second.first?.losses.slice(0, 8))
    expect(pack.uses).toEqual([...new Array(8).fill(2), ...new Array(6).fill(1), ...new Array(5).fill(0)])
    const { heldOut } = summariseTextPack(pack)
    // The first model again: it needs as much as at first.
    expect(heldOut?.first).toMatchObject({ documents: 8, bitsPerByte: expect.any(Number) })
    expect(heldOut?.first?.now).toBeCloseTo(heldOut?.first?.bitsPerByte ?? Number.NaN, 6)
  })

  test('leaves out what was held out and is trained on now, and old exemplars where nothing new comes', async () => {
    const [one] = options.heldOut ?? []
    const { pack, notes } = await next({ train: [...texts('new', 30), ...(one ? [one] : [])] })
    expect(pack.heldOut.map(documentKey)).not.toContain(documentKey(one ?? { ids: new Int32Array() }))
    expect([pack.heldOut.length, pack.uses.length, pack.first?.losses.length]).toEqual([13, 13, 13])
    expect(notes.join()).toContain('1 held-out document of the pack is trained on now')
    const same = await next({ train: options.train.slice(0, 20), heldOut: undefined })
    expect(same.pack.exemplars).toHaveLength(12)
    expect(same.notes.join()).toContain('No document of the new texts is held out')
  })

  test('is refused for another tokenizer, and for other rows where documents are cut by them', async () => {
    const { pack } = await made
    const other = { sha256: 'dd'.repeat(32), filler: 0 }
    await expect(next({ tokenizer: other })).rejects.toMatchObject({
      code: 'pack-mismatch',
      message: expect.stringContaining('The tokenizer of gpt-1 is not that of gpt-0'),
    })
    expect(extendedLength(pack, 16, undefined)).toBe(8)
    expect(() => extendedLength(pack, 16, 16)).toThrow(expect.objectContaining({ code: 'pack-mismatch' }))
    const short: TextPack = { ...pack, rowLength: 16 }
    expect(extendedLength(short, 24, undefined)).toBe(24)
    expect(extendedLength(short, 8, undefined)).toBe(16)
  })
})

describe('merged packs', () => {
  const of = async (train: readonly TokenDocument[], heldOut: readonly TokenDocument[], topTokens = 3) =>
    (await keepTexts({ ...options, train, heldOut, topTokens, name: itemAt(train, 0, 'document').place }))
      .pack

  test('have the documents of both once, with what the model thinks of them and loses on them', async () => {
    const [train, test] = [options.train, options.heldOut ?? []]
    const a = await of(train.slice(0, 12), [...test.slice(0, 5), itemAt(train, 15, 'document')], 4)
    const b = await of(train.slice(8), test.slice(3))
    const both = mergeTextPacks(a, b)
    expect(both.exemplars.map(documentKey).sort()).toEqual(train.map(documentKey).sort())
    // One that the other pack rehearses proves nothing.
    expect(both.heldOut.map(documentKey)).toEqual(test.map(documentKey))
    const whole = (await keepTexts({ ...options, topTokens: 3 })).pack
    expect(new Map(both.heldOut.map(({ place }, at) => [place, both.losses[at]?.nats]))).toEqual(
      new Map(whole.heldOut.map(({ place }, at) => [place, whole.losses[at]?.nats])),
    )
    const logs = await logsOf(both)
    expect(both.answers?.ids.dims).toEqual([logs.length, 3])
    for (const [place, wanted] of logs.entries()) {
      const token = itemAt(both.answers?.ids.data ?? [], place * 3, 'token')
      expect(wanted[token]).toBeCloseTo(Math.max(...wanted), 4)
    }
    expect(both.data).toHaveLength(2)
    expect(both.history).toHaveLength(1)
    expect(both.history[0]?.documents).toBe(8)
    expect(mergeTextPacks(both, both).data).toHaveLength(2)
  })

  test('are refused where they are of two models, or their rows differ', async () => {
    const { pack } = await made
    const refusal = (other: TextPack) => () => mergeTextPacks(pack, other)
    expect(refusal({ ...pack, model: renewed })).toThrow(/differ in model.*--extend/)
    expect(refusal({ ...pack, rowLength: 16 })).toThrow(/differ in length of rows, 8 against 16/)
    expect(refusal({ ...pack, overlap: 1 })).toThrow(expect.objectContaining({ code: 'pack-mismatch' }))
  })

  test('have answers only where both have them', async () => {
    const { pack } = await made
    expect(mergeTextPacks(pack, { ...pack, answers: undefined }).answers).toBeUndefined()
  })
})
