import { beforeAll, describe, expect, it } from 'vitest'
import { engine } from '../../../test/op-cases.ts'
import {
  byHeart,
  knownData,
  wanderingData,
  wanderingDecoder,
  wanderingRows,
  wanderingTexts,
} from '../../../test/wandering-texts.ts'
import type { Model } from '../../model/model.ts'
import { present } from '../../required.ts'
import { type AdviseTextsOptions, adviseTexts } from './advise-texts.ts'
import { dealDocuments } from './deal-documents.ts'
import { updateTexts } from './update-texts.ts'

let model: Model
beforeAll(async () => {
  model = await wanderingDecoder(engine)
})

const data = wanderingData
const asked = (more: Partial<AdviseTextsOptions> = {}): AdviseTextsOptions => ({
  ...{
    engine,
    model,
    ...wanderingRows,
    data,
    seed: 1,
    batchSize: 8,
    learningRate: 5e-3,
    epochs: 5,
    time: 600,
  },
  budget: { unit: 'relative', maxChange: 0.05 },
  ...more,
})

describe('advice on the update of a language model', () => {
  it('ranks what it measures, and an update as it says saves about as much on other documents', async () => {
    const { situation, measured, unmeasured, before, texts, notes } = await adviseTexts(asked())
    expect(situation).toEqual({ model: 'language', old: 'some', tasks: 'untold', classes: 'same' })
    expect(unmeasured).toEqual([])
    expect(new Set(measured.map((each) => each.asked.method ?? 'usual'))).toEqual(new Set(['usual', 'none']))
    expect(measured.map(({ gain }) => gain)).toEqual(measured.map(({ gain }) => gain).sort((a, b) => b - a))
    expect(texts).toMatchObject({ used: 100, all: 100, judged: 20 })
    expect(texts.ordered).toBeLessThan(30)
    expect(notes).toEqual([])
    const [first, ...others] = measured
    for (const other of others) expect(first?.gain).toBeGreaterThanOrEqual(other.gain)
    // The ladder's second rung takes as long as both.
    const [low, both] = measured
      .filter((each) => each.asked.method === undefined)
      .sort((a, b) => a.asked.rungs.length - b.asked.rungs.length)
    expect(both?.asked.rungs).toEqual(['low-rank', 'whole'])
    expect(both?.seconds.measured).toBeGreaterThan(low?.seconds.measured ?? 0)
    const { time: _, most: __, ...update } = asked()
    const result = await updateTexts({ ...update, ...first?.asked })
    expect(result.status).toBe('met')
    expect(result.new.before).toBeCloseTo(before?.new ?? 0, 6)
    expect(-result.new.change).toBeCloseTo(first?.gain ?? 0, 1)
  })

  it('measures on documents that an update would spare where the others are known by heart', async () => {
    const known = await byHeart(engine, model)
    const { measured, texts } = await adviseTexts(asked({ model: known, data: knownData, epochs: 2 }))
    const usual = measured.filter((each) => each.asked.method === undefined)
    expect(usual.map(({ method }) => method).sort()).toEqual(['replay', 'replay by LoRA'])
    const { order } = dealDocuments(knownData, true)
    expect(texts.ordered).toBe(order.length)
  })

  it('asks nothing of the documents that prove', async () => {
    const some = { most: 20, rungs: ['low-rank'] } as const
    const { measured, texts } = await adviseTexts(asked(some))
    expect(texts).toMatchObject({ used: 20, all: 100 })
    // An update may spare some of those held out, which then prove nothing.
    const strange = wanderingTexts(5, 60, 'other')
    const proving = dealDocuments({ exemplars: data.exemplars, heldOut: strange }, true).proof
    const heldOut = [
      ...dealDocuments(data, true).order,
      ...proving.map((place) => present(strange[place], 'document')),
    ]
    const others = { ...data, heldOut }
    const again = await adviseTexts(asked({ ...some, data: others }))
    const told = (found: typeof measured) => found.map(({ method, gain, loss }) => ({ method, gain, loss }))
    expect(told(again.measured)).toEqual(told(measured))
    expect(measured.length).toBeGreaterThan(0)
  })

  it('measures on documents that are held out where none are left to choose by', async () => {
    const { texts } = await adviseTexts(asked({ data: { ...data, choose: [] }, time: 1e-3 }))
    expect(texts.judged).toBe(20)
  })

  it('says what there is no time for, and what all of it takes', async () => {
    const { measured, unmeasured, texts } = await adviseTexts(asked({ time: 1e-3 }))
    expect(measured).toEqual([])
    expect(texts.used).toBe(0)
    expect(unmeasured.map(({ method, rung }) => [method, rung])).toEqual([
      ['replay+distil', 'low-rank updates'],
      ['replay+distil', 'everything'],
      ['none', 'everything'],
    ])
    for (const { seconds } of unmeasured) expect(seconds).toBeGreaterThan(0)
  })

  it('measures nothing where no old text is left, and lets the tables speak', async () => {
    const { train, check } = data
    const { measured, prior, before, notes } = await adviseTexts(asked({ data: { train, check } }))
    expect([measured, before]).toEqual([[], null])
    expect(prior.ranked[0]?.flags).toBe('--old self')
    expect(notes.join()).toMatch(/No old texts are there to measure on/)
  })
})
