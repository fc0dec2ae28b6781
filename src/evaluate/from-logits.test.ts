import { describe, expect, it } from 'vitest'
import { toyDecoder, toyTexts } from '../../test/toy-language.ts'
import { engine } from '../../test/toy-learning.ts'
import { samples } from '../data/dataset.ts'
import { required } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { fromLogits } from './from-logits.ts'
import { openReader } from './reader.ts'

const vocabulary = 13
const model = toyDecoder()
const rows = toyTexts(2, 7)

async function logitsIn(most: number): Promise<Float32Array> {
  const found = new Float32Array(samples(rows) * 8 * vocabulary)
  let calls = 0
  await fromLogits(
    engine,
    model,
    { dataset: rows, most, make: (_body, logits) => ({ logits }) },
    (made, places) => {
      const { dims, data } = required(made, 'logits', 'output') as Tensor<'float32'>
      expect(dims).toEqual([places.length, 8, vocabulary])
      found.set(data, (places[0] ?? 0) * 8 * vocabulary)
      calls++
    },
  )
  expect(calls).toBeGreaterThan(0)
  return found
}

describe('what is made of logits', () => {
  it('is the same whatever number of them stands at a time: rows, one row, some places of one', async () => {
    const reader = openReader(engine, model, vocabulary)
    const expected = (await reader.logits(rows)).data
    await reader.dispose()
    // All rows; two rows; one; three places, of which the last piece has two; one place; less than one.
    for (const most of [1e6, 2 * 8 * vocabulary, 8 * vocabulary, 3 * vocabulary, vocabulary, 1]) {
      const found = await logitsIn(most)
      for (const [at, value] of expected.entries()) expect(found[at]).toBeCloseTo(value, 4)
    }
  })

  it('is made beside numbers for each place, whatever number of logits stands at a time', async () => {
    const each = 2
    const data = Int32Array.from({ length: samples(rows) * 8 * each }, (_, at) => (7 * at) % vocabulary)
    const beside = { type: 'int32', dims: [samples(rows), 8, each], data } as const
    for (const most of [1e6, 2 * 8 * vocabulary, 3 * vocabulary, 1]) {
      const found = new Int32Array(data.length).fill(-1)
      await fromLogits(
        engine,
        model,
        {
          dataset: { ...rows, causal: false },
          most,
          beside,
          make: (_body, _logits, _labels, own) => ({ own: own ?? _logits }),
        },
        (made, places) => {
          const { dims, data: part } = required(made, 'own', 'output')
          expect(dims).toEqual([places.length, 8, each])
          for (const [at, row] of places.entries()) {
            found.set(
              (part as Int32Array<ArrayBuffer>).subarray(at * 8 * each, (at + 1) * 8 * each),
              row * 8 * each,
            )
          }
        },
      )
      expect(found).toEqual(data)
    }
  })
})
