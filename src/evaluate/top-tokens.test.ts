import { describe, expect, it } from 'vitest'
import { engine } from '../../test/op-cases.ts'
import { tinyDecoder } from '../../test/tiny-decoder.ts'
import { packDocuments } from '../data/documents/index.ts'
import { modelFromOnnx } from '../model/import/onnx-model.ts'
import type { Model } from '../model/model.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { openReader } from './reader.ts'
import { topTokens } from './top-tokens.ts'

const model = modelFromOnnx(tinyDecoder())
const vocabulary = 13

/** Documents of different lengths, some of whose rows are filled up. */
function rowsOf(count: number) {
  const documents = Array.from({ length: count }, (_, at) => ({
    place: `document ${at}`,
    ids: Int32Array.from({ length: 4 + (at % 5) }, (_, place) => (at * 7 + place * 5) % vocabulary),
    bytes: 4,
  }))
  const tokenizer = { filler: 0, eos: undefined, frame: { before: [], after: [] } }
  return packDocuments(documents, { name: 'numbers', length: 8, vocabulary, tokenizer }).dataset
}

/** By hand: all log-probabilities of a place, sorted. */
async function byHand(rows: ReturnType<typeof rowsOf>, of: Model = model, temperature = 1) {
  const reader = openReader(engine, of, vocabulary)
  const { data } = await reader.logits(rows)
  await reader.dispose()
  return Array.from({ length: data.length / vocabulary }, (_, place) => {
    const logits = [...data.subarray(place * vocabulary, (place + 1) * vocabulary)].map(
      (x) => x / temperature,
    )
    const all = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0))
    return logits.map((x, id) => ({ id, log: x - all })).sort((a, b) => b.log - a.log)
  })
}

function compare(found: Awaited<ReturnType<typeof topTokens>>, wanted: Awaited<ReturnType<typeof byHand>>) {
  const [, , k = 0] = found.ids.dims
  expect(found.ids.data).toHaveLength(wanted.length * k)
  for (const [place, each] of wanted.entries()) {
    for (let at = 0; at < k; at++) {
      expect(found.ids.data[place * k + at]).toBe(each[at]?.id)
      expect(found.logProbabilities.data[place * k + at]).toBeCloseTo(each[at]?.log ?? Number.NaN, 4)
    }
  }
}

describe('the likeliest tokens', () => {
  it('are those of the sorted softmax at every place, whatever number of batches rows take', async () => {
    // More rows than one batch has.
    const rows = rowsOf(300)
    const found = await topTokens(engine, model, rows, { k: 4 })
    expect(found.ids.dims).toEqual([300, 8, 4])
    expect(found.logProbabilities.dims).toEqual([300, 8, 4])
    compare(found, await byHand(rows))
  })

  it('are all there are, the whole distribution, where k is beyond them', async () => {
    const rows = rowsOf(3)
    const { ids, logProbabilities } = await topTokens(engine, model, rows, { k: 50 })
    expect(ids.dims).toEqual([3, 8, vocabulary])
    for (let place = 0; place < 24; place++) {
      const part = logProbabilities.data.subarray(place * vocabulary, (place + 1) * vocabulary)
      expect(part.reduce((sum, log) => sum + Math.exp(log), 0)).toBeCloseTo(1, 5)
    }
  })

  it('are those at a temperature, and of other weights', async () => {
    const rows = rowsOf(5)
    compare(await topTokens(engine, model, rows, { k: 3, temperature: 2 }), await byHand(rows, model, 2))
    const other = modelFromOnnx(tinyDecoder({ seed: 4 }))
    const weights = new Map<string, Tensor>([...other.parameters, ...other.buffers])
    compare(await topTokens(engine, model, rows, { k: 3, weights }), await byHand(rows, other))
  })

  it('are none of no rows', async () => {
    const { ids } = await topTokens(engine, model, rowsOf(0), { k: 2 })
    expect(ids.dims).toEqual([0, 8, 2])
  })

  it('refuse what makes no sense', async () => {
    const rows = rowsOf(2)
    const refused = (k: number, temperature?: number) =>
      expect(topTokens(engine, model, rows, { k, temperature })).rejects.toMatchObject({ code: 'top-tokens' })
    await refused(0)
    await refused(1.5)
    await refused(2, 0)
    const labels = { type: 'int32', dims: [2], data: Int32Array.of(0, 1) } as const
    const classes = { ...rows, kind: undefined, labels }
    await expect(topTokens(engine, model, classes, { k: 1 })).rejects.toThrow(/classification labels/)
  })
})
