import { describe, expect, it } from 'vitest'
import { bigramModel, bigramVocabulary } from '../../../test/bigram-model.ts'
import { byteTokenizer } from '../../../test/byte-tokenizer.ts'
import { engine } from '../../../test/op-cases.ts'
import { modelFromOnnx } from '../../model/import/onnx-model.ts'
import { withTokenClasses } from '../../model/language.ts'
import { type TextTrainingAsked, type WriteOldOptions, writeOldTexts } from './write-old-texts.ts'

const model = withTokenClasses(modelFromOnnx(bigramModel()))
const tokenizer = byteTokenizer()
const length = 12

/** Documents that fill a row each. */
const documents = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    place: `document ${at}`,
    ids: Int32Array.from({ length: length + 1 }, (_each, place) => (at * 7 + place) % bigramVocabulary),
    bytes: length,
  }))

const write = (count: number, options: Partial<WriteOldOptions> = {}) =>
  writeOldTexts(documents(count), {
    ...{ engine, model, tokenizer, rows: { length, tokenizer }, seed: 1, ...options },
  })

async function written(count: number, training?: TextTrainingAsked): Promise<number | undefined> {
  const { data } = await write(count, { training })
  return data.exemplars?.length
}

describe('texts that a model writes to be rehearsed', () => {
  it('are as many as the longest rung draws, and a quarter more that order candidates', async () => {
    // Six passes over 60 rows are 60 steps of six new rows, and of two old ones.
    expect(await written(60)).toBe(150)
  })

  it('are as many as the steps draw that a rung takes at least', async () => {
    expect(await written(20)).toBe(125)
  })

  it('are given up once that is asked for, in the middle of one, too', async () => {
    const stop = new AbortController()
    const how = { engine, model, tokenizer, rows: { length, tokenizer }, seed: 1, signal: stop.signal }
    const writing = writeOldTexts(documents(20), { ...how, lenient: true, onProgress: () => stop.abort() })
    await expect(writing).rejects.toMatchObject({ code: 'interrupted' })
    await expect(writeOldTexts(documents(20), how)).rejects.toMatchObject({ code: 'interrupted' })
  })

  it('follow what is asked for of the training', async () => {
    expect(await written(120, { rungs: ['low-rank'] })).toBe(150)
    expect(await written(60, { epochs: 2, batchSize: 4 })).toBe(50)
  })

  it('are as many as a third of the time has room for, 20 at least, and the first of those without it', async () => {
    const all = (await write(20)).data.exemplars
    const { data, notes, writing } = await write(20, { time: 1e-9 })
    expect(data.exemplars).toEqual(all?.slice(0, 20))
    expect(writing?.texts).toBe(20)
    expect(notes.join(' ')).toMatch(/where 125 were wanted\..* a third of the time that is allowed/)
    const enough = await write(20, { time: 1e9 })
    expect(enough.data.exemplars).toEqual(all)
    expect(enough.notes.join(' ')).not.toContain('a third of the time')
  })

  it('are a few where it is asked what all take, which is told', async () => {
    const { data, writing } = await write(20, { sample: true })
    expect([data.exemplars?.length, writing?.texts]).toEqual([16, 125])
    expect(writing?.seconds).toBeGreaterThan(0)
    expect((await write(20, { sample: true, time: 1e-9 })).writing?.texts).toBe(20)
    expect((await write(20, { sample: true, documents: 30 })).writing?.texts).toBe(30)
  })
})
