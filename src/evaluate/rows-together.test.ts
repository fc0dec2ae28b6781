import { describe, expect, it } from 'vitest'
import { toyDecoder, unevenTexts } from '../../test/toy-language.ts'
import { engine } from '../../test/toy-learning.ts'
import { ignoredLabel, samples, subset } from '../data/dataset.ts'
import { float32 } from '../tensor/tensor.ts'
import { openReader } from './reader.ts'
import { openRowLosses, rowLosses } from './row-losses.ts'
import { rowsTogether } from './rows-together.ts'
import { topTokens } from './top-tokens.ts'

const model = toyDecoder()
const rows = unevenTexts(2, 30)
/** Read to their ends, filling and all. */
const whole = { ...rows, causal: false }
const counts = [...rows.labels.data].map((label) => label !== ignoredLabel)

function near(found: ArrayLike<number>, expected: ArrayLike<number>, counting = (_at: number) => true) {
  expect(found.length).toBe(expected.length)
  for (const [at, value] of Array.from(expected).entries()) {
    if (counting(at)) expect(found[at]).toBeCloseTo(value, 4)
  }
}

describe('rows that are read together', () => {
  it('are told by their lengths, but for a model whose file fixes them', () => {
    expect(rowsTogether(model, rows).map(({ dataset }) => dataset.inputs.dims[1])).toEqual([16, 24])
    const fixed = toyDecoder({ fixed: ['batch', 24] })
    expect(rowsTogether(fixed, rows).map(({ dataset }) => dataset.inputs.dims)).toEqual([[30, 24]])
  })

  it('cost what they cost when they are read whole, and the same bits whatever stands beside them', async () => {
    const told: (readonly [number, number])[] = []
    const found = await rowLosses(engine, model, rows, undefined, (done, of) => told.push([done, of]))
    near(found.nats, (await rowLosses(engine, model, whole)).nats)
    expect(told.at(-1)).toEqual([samples(rows), samples(rows)])
    const some = Int32Array.of(29, 3, 11, 8, 4)
    const alone = await rowLosses(engine, model, subset(rows, some))
    expect(Array.from(alone.nats)).toEqual(Array.from(some, (row) => found.nats[row]))
  })

  it('are asked again with other weights and as other sets in the sessions that are open', async () => {
    const open = await openRowLosses(engine, model, rows)
    const zero = new Map([...model.parameters].map(([name, { dims }]) => [name, float32(dims)]))
    const { nats, tokens } = await open.of(zero)
    near(
      nats,
      Array.from(tokens, (count) => count * Math.log(13)),
    )
    const few = unevenTexts(3, 5)
    near((await open.of(undefined, { rows: few })).nats, (await rowLosses(engine, model, few)).nats)
    await open.dispose()
  })

  it('have the likeliest tokens and classes that they have when they are read whole', async () => {
    const [found, expected] = [
      await topTokens(engine, model, rows, { k: 3 }),
      await topTokens(engine, model, whole, { k: 3 }),
    ]
    const counting = (at: number) => counts[Math.floor(at / 3)] === true
    near(found.logProbabilities.data, expected.logProbabilities.data, counting)
    near(found.ids.data, expected.ids.data, counting)
    const reader = openReader(engine, model, 13)
    const classes = await reader.predictions(rows)
    near(classes, await reader.predictions(whole), (at) => counts[at] === true)
    await reader.dispose()
  })
})
