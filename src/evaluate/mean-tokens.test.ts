import { describe, expect, it } from 'vitest'
import { toyDecoder, toyTexts, unevenTexts } from '../../test/toy-language.ts'
import { engine } from '../../test/toy-learning.ts'
import { ignoredLabel } from '../data/dataset.ts'
import { itemAt } from '../required.ts'
import { meanRowLosses, meanTopTokens } from './mean-tokens.ts'
import { openReader } from './reader.ts'
import { rowLosses } from './row-losses.ts'
import { topTokens } from './top-tokens.ts'

const models = [toyDecoder({ seed: 1 }), toyDecoder({ seed: 2 }), toyDecoder({ seed: 3 })]
const rows = toyTexts(1)
const K = 5
const [count = 0, length = 0] = rows.labels.dims
const vocabulary = rows.classes.length

/** The mean of the models' probabilities at each place, [N * T][V], by whole logits. */
async function means(temperature: number): Promise<number[][]> {
  const places = Array.from({ length: count * length }, () => new Array<number>(vocabulary).fill(0))
  for (const model of models) {
    const reader = openReader(engine, model, vocabulary)
    const { data } = await reader.logits({ ...rows, causal: false })
    await reader.dispose()
    places.forEach((place, at) => {
      const own = Array.from(data.subarray(at * vocabulary, (at + 1) * vocabulary), (x) =>
        Math.exp(x / temperature),
      )
      const sum = own.reduce((all, value) => all + value, 0)
      own.forEach((value, unit) => {
        place[unit] = (place[unit] ?? 0) + value / sum / models.length
      })
    })
  }
  return places
}

const counting = [...rows.labels.data].flatMap((label, at) => (label === ignoredLabel ? [] : [at]))

describe('several language models as one', () => {
  it('give each token the mean of their probabilities, the likeliest by it first', async () => {
    const expected = await means(2)
    const { ids, logProbabilities } = await meanTopTokens(engine, models, rows, { k: K, temperature: 2 })
    const each = await Promise.all(
      models.map((model) => topTokens(engine, model, rows, { k: K, temperature: 2 })),
    )
    expect(ids.dims).toEqual([count, length, K])
    for (const place of counting) {
      const mean = itemAt(expected, place, 'place')
      const [from, to] = [place * K, (place + 1) * K]
      const found = [...ids.data.subarray(from, to)]
      expect(new Set(found).size).toBe(K)
      found.forEach((id, at) => {
        expect(Math.exp(logProbabilities.data[from + at] ?? 0)).toBeCloseTo(mean[id] ?? Number.NaN, 5)
      })
      // Of those that any of the models has among its own, no better one is left out.
      const left = each
        .flatMap((one) => [...one.ids.data.subarray(from, to)])
        .filter((id) => !found.includes(id))
      const least = Math.min(...found.map((id) => mean[id] ?? 0))
      for (const id of left) expect(mean[id] ?? 0).toBeLessThanOrEqual(least + 1e-6)
    }
  })

  it('cost a text what the mean of their probabilities does', async () => {
    const expected = await means(1)
    const { nats, tokens, documents } = await meanRowLosses(engine, models, rows)
    const sums = new Array<number>(count).fill(0)
    for (const place of counting) {
      const label = rows.labels.data[place] ?? 0
      const row = Math.floor(place / length)
      sums[row] = (sums[row] ?? 0) - Math.log(itemAt(expected, place, 'place')[label] ?? Number.NaN)
    }
    sums.forEach((sum, row) => {
      expect(nats[row]).toBeCloseTo(sum, 4)
    })
    const one = await rowLosses(engine, itemAt(models, 0, 'model'), rows)
    expect([tokens, documents]).toEqual([one.tokens, one.documents])
  })

  it('are one where all are the same, on rows of uneven length too', async () => {
    const uneven = unevenTexts(1)
    const model = itemAt(models, 0, 'model')
    const alone = await topTokens(engine, model, uneven, { k: K })
    const twice = await meanTopTokens(engine, [model, model], uneven, { k: K })
    const [width = 0] = uneven.labels.dims.slice(1)
    for (const [place, label] of uneven.labels.data.entries()) {
      if (label === ignoredLabel) continue
      for (let at = place * K; at < (place + 1) * K; at++) {
        expect(twice.logProbabilities.data[at]).toBeCloseTo(alone.logProbabilities.data[at] ?? Number.NaN, 5)
      }
    }
    expect(width).toBe(24)
    const [losses, both] = [
      await rowLosses(engine, model, uneven),
      await meanRowLosses(engine, [model, model], uneven),
    ]
    Array.from(both.nats).forEach((cost, row) => {
      expect(cost).toBeCloseTo(losses.nats[row] ?? Number.NaN, 4)
    })
  })
})
