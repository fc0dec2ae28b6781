import { describe, expect, it } from 'vitest'
import { toyDecoder, toyTexts } from '../../test/toy-language.ts'
import { engine } from '../../test/toy-learning.ts'
import { samples } from '../data/dataset.ts'
import { openRowLosses, rowLosses } from './row-losses.ts'

const model = toyDecoder()

describe('losses of rows', () => {
  it('are those of other rows, too, in the session of the largest set', async () => {
    const [many, few] = [toyTexts(2, 9), toyTexts(3, 4)]
    const open = await openRowLosses(engine, model, many)
    const seen: (readonly [number, number])[] = []
    const found = await open.of(undefined, { rows: few, onRows: (done, of) => seen.push([done, of]) })
    await open.dispose()
    const alone = await rowLosses(engine, model, few)
    expect(found.nats).toHaveLength(samples(few))
    for (const [row, nats] of Array.from(alone.nats).entries()) expect(found.nats[row]).toBeCloseTo(nats, 5)
    expect([found.tokens, found.bytes, found.documents]).toEqual([alone.tokens, alone.bytes, alone.documents])
    expect(seen.at(-1)).toEqual([samples(few), samples(few)])
  })
})
