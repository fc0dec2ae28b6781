import { beforeAll, describe, expect, test } from 'vitest'
import { among, blobModel, blobNames, blobs } from '../../../test/blobs.ts'
import { classLabels, type Dataset } from '../../data/dataset.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { openJudge } from '../../evaluate/judge.ts'
import { widenHead } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'
import { predicted } from '../path/search.ts'
import { updateModel } from '../update.ts'
import { type AdviseOptions, adviseUpdate } from './advise-update.ts'

const engine = ortNode({ threads: 1 })
const old = blobNames.slice(0, 4)
const all = blobNames.slice(0, 5)
/** Wider than what the model has learned, so that the new class lies among old ones. */
const spread = 0.8
const rows = (classes: readonly string[], perClass: number, seed: number): Dataset =>
  among(blobs({ classes, perClass, seed, spread }), all)

let options: AdviseOptions
beforeAll(async () => {
  const model = await blobModel(engine, old)
  options = {
    ...{ engine, model, widened: widenHead(model, { classes: ['ebony'], seed: 3 }) },
    data: {
      train: rows(['ebony'], 100, 11),
      heldOut: rows(['ebony'], 120, 12),
      exemplars: rows(old, 40, 13),
      oldHeldOut: rows(old, 200, 14),
    },
    ...{ budget: { maxDrop: 0.03 }, epochs: 3, learningRate: 5e-3, seed: 1, time: 60 },
  }
})

async function accuracyOf(weights: Model['parameters'], data: Dataset): Promise<number> {
  const { widened } = options
  const judge = openJudge(engine, widened, widened.classes.length)
  const found = predicted(await judge.answers(data, weights), widened.classes.length, 0)
  await judge.dispose()
  const right = classLabels(data)
  return found.filter((unit, row) => unit === right[row]).length / found.length
}

describe('advice on new classes beside old rows', () => {
  test('what it ranks first ships at least as much as what it ranks lower, on rows that it did not see', async () => {
    const { measured, situation, before, unmeasured } = await adviseUpdate(options)
    expect(situation).toEqual({ model: 'classifier', old: 'some', tasks: 'untold', classes: 'new' })
    expect(before).toBe(0)
    expect(unmeasured).toEqual([])
    const methods = new Set(measured.map(({ asked }) => asked.method ?? 'usual'))
    expect(methods).toEqual(new Set(['usual', 'replay', 'ewc+replay', 'none']))
    const news = measured.map((recipe) => recipe.new)
    expect(news).toEqual([...news].sort((a, b) => b - a))
    // The outcome: whole updates, proved, judged on rows of their own.
    const fresh = rows(['ebony'], 1000, 21)
    const outcome: number[] = []
    for (const { asked } of measured) {
      const { rows: _, time: __, ...update } = options
      const result = await updateModel({ ...update, ...asked })
      outcome.push(await accuracyOf(result.parameters, fresh))
    }
    const [first = 0, ...others] = outcome
    // Two standard errors of a difference of two shares of 120 rows.
    for (const other of others) expect(first).toBeGreaterThan(other - 0.1)
    expect(first).toBeGreaterThan(0.3)
    const last = outcome.at(-1) ?? 1
    expect(first).toBeGreaterThan(last)
  })

  test('measures what there is time for, and names the rest', async () => {
    const { measured, unmeasured } = await adviseUpdate({ ...options, time: 1e-3 })
    // The first rung is always climbed, as in an update.
    expect(measured.map(({ asked }) => asked)).toEqual([{ method: undefined, rungs: ['closed-form'] }])
    expect(unmeasured.map(({ method }) => method)).toEqual(['replay+distil', 'replay', 'ewc+replay', 'none'])
  })

  test('measures with few rows of many, and says so', async () => {
    const { rows: counts, notes } = await adviseUpdate({ ...options, time: 1e-3, rows: 40 })
    expect(counts).toMatchObject({ used: 80, judged: 120 })
    expect(counts.all).toBeGreaterThan(200)
    expect(notes.join()).toMatch(/Measured with 80 of 2\d\d rows/)
  })
})

test('without old rows nothing is measured: the tables speak, and it is said', async () => {
  const { train, heldOut } = options.data
  const { measured, prior, notes, before } = await adviseUpdate({ ...options, data: { train, heldOut } })
  expect(measured).toEqual([])
  expect(before).toBeNull()
  expect(prior.ranked[0]?.method).toBe('distil')
  expect(notes.join()).toMatch(/No old rows are there to measure on/)
})
