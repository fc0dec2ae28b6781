import { describe, expect, it } from 'vitest'
import { toyDecoder, unevenTexts } from '../../../test/toy-language.ts'
import { type Dataset, ignoredLabel, samples, subset } from '../../data/dataset.ts'
import { rowLengths } from '../../data/row-lengths.ts'
import type { BatchSource } from '../../methods/method.ts'
import { itemAt } from '../../required.ts'
import { stepLengths } from './step-lengths.ts'

const model = toyDecoder()
const source = (dataset: Dataset, size = 4, name = 'new'): BatchSource => ({
  ...{ name, dataset, tasks: 0, size, weight: 1 },
})
/** Rows of 24 whose labels end at some places. */
function ending(ends: readonly number[]): Dataset {
  const rows = unevenTexts(1, ends.length)
  const data = Int32Array.from({ length: ends.length * 24 }, (_, at) =>
    at % 24 < itemAt(ends, Math.floor(at / 24), 'end') ? 1 : ignoredLabel,
  )
  return { ...rows, labels: { type: 'int32', dims: [ends.length, 24], data } }
}
const lengthsOf = (...ends: readonly number[]) => stepLengths(model, [source(ending(ends))])?.lengths

describe('the lengths of steps', () => {
  it('are as many as are worth it, and reach as far as the rows do', () => {
    expect(lengthsOf(3, 3, 3, 24)).toEqual([8, 24])
    expect(lengthsOf(3, 3, 11, 11, 11, 24)).toEqual([12, 24])
    expect(lengthsOf(3, 3, 3, 3, 3, 3, 11, 11, 11, 24)).toEqual([8, 12, 24])
    expect(lengthsOf(3, 11, 12)).toEqual([12])
    // A tenth of what is read.
    expect(lengthsOf(3, 24, 24, 24, 24, 24, 24)).toBeUndefined()
    expect(lengthsOf(24, 24)).toBeUndefined()
  })

  it('say which one each row needs, and what steps read of it on average', () => {
    const rows = ending([24, 3, 3, 8])
    const found = stepLengths(model, [source(rows)])
    expect([...(found?.needs ?? [])]).toEqual([1, 0, 0, 0])
    expect(found?.share).toBeCloseTo((24 + 3 * 8) / (4 * 24), 12)
  })

  it('weigh rows by how often they are drawn', () => {
    const [short, long] = [ending([3, 3, 3, 3]), ending([24, 24, 24, 24, 24, 24])]
    expect(stepLengths(model, [source(short, 7), source(long, 1, 'replay')])?.lengths).toEqual([8, 24])
    expect(stepLengths(model, [source(short, 1), source(long, 7, 'replay')])).toBeUndefined()
  })

  it('are none where the file fixes them, or rows are of no causal model', () => {
    const rows = unevenTexts(1, 20)
    expect(stepLengths(model, [source(rows)])?.lengths.at(-1)).toBe(24)
    expect(stepLengths(toyDecoder({ fixed: ['batch', 24] }), [source(rows)])).toBeUndefined()
    expect(stepLengths(model, [source({ ...rows, causal: false })])).toBeUndefined()
  })

  it('hold every label', () => {
    const rows = unevenTexts(1, 30)
    const found = stepLengths(model, [source(subset(rows, Int32Array.from(rowLengths(rows).keys())))])
    for (let row = 0; row < samples(rows); row++) {
      const length = itemAt(found?.lengths ?? [], found?.needs[row] ?? -1, 'length')
      expect(length).toBeGreaterThanOrEqual(itemAt(rowLengths(rows), row, 'row'))
    }
  })
})
