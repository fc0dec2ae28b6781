import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blobModel, blobNames, blobs } from '../../../test/blobs.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { type Judge, openJudge } from '../../evaluate/judge.ts'
import { findHead } from '../../model/heads/head.ts'
import { withOldHead } from '../../model/heads/head-rows.ts'
import { widenHead } from '../../model/heads/widen.ts'
import type { Model } from '../../model/model.ts'
import { openBlend } from './blend.ts'
import { accuracyOf, predicted } from './search.ts'
import { type WalkOptions, walkPath } from './walk.ts'

const engine = ortNode()
const classes = blobNames.slice(0, 3)
const old = blobs({ classes, perClass: 60, seed: 2 })
let model: Model
let other: Model
let judge: Judge

beforeAll(async () => {
  model = await blobModel(engine, classes, 1)
  other = await blobModel(engine, classes, 2)
  judge = openJudge(engine, model, classes.length)
})
afterAll(() => judge.dispose())

const fresh = blobs({ classes, perClass: 60, seed: 3, turn: 1 })
const walk = async (parts: Partial<WalkOptions> = {}) =>
  walkPath({
    engine,
    judge,
    trial: 2,
    start: model.parameters,
    end: other.parameters,
    order: old,
    before: await judge.answers(old),
    fresh,
    oldClasses: classes.length,
    shift: false,
    ...parts,
  })
const right = async (weights: Model['parameters'] | undefined, rows: typeof old) => {
  const answers = await judge.answers(rows, weights)
  return accuracyOf(predicted(answers, classes.length, 0), answers.labels)
}

describe('the path between two sets of weights', () => {
  test('begins where nothing is lost and ends at the other model', async () => {
    const guesses = await walk()
    expect(guesses.map(({ trial, alpha, offset }) => [trial, alpha, offset])).toEqual(
      [0, 0.25, 0.5, 0.75, 1].map((alpha) => [2, alpha, 0]),
    )
    expect(guesses[0]).toMatchObject({ loss: 0, new: await right(undefined, fresh) })
    expect(guesses[4]?.new).toBe(await right(other.parameters, fresh))
  })

  test('is judged by the weights that the file gives back', async () => {
    const guesses = await walk({ stored: () => new Map(model.parameters) })
    expect(new Set(guesses.map(({ loss }) => loss))).toEqual(new Set([0]))
  })

  test('is one point where nothing moves', async () => {
    expect(await walk({ end: model.parameters })).toMatchObject([{ alpha: 1, loss: 0 }])
  })

  test('is ordered by its length where there are no old rows', async () => {
    const none = { order: undefined, before: await judge.answers(undefined) }
    const losses = (await walk(none)).map(({ loss }) => loss)
    expect(losses).toEqual([0, 0.25, 0.5, 0.75, 1])
  })

  test('has its two ends bit for bit, and the mean half way', async () => {
    const blend = await openBlend(engine, model.parameters, other.parameters)
    const [name = ''] = model.parameters.keys()
    const of = (weights: ReadonlyMap<string, { data: unknown }>) => weights.get(name)?.data as Float32Array
    expect(of(await blend.at(0))).toEqual(of(model.parameters))
    expect(of(await blend.at(1))).toEqual(of(other.parameters))
    const mean = (Number(of(model.parameters)[0]) + Number(of(other.parameters)[0])) / 2
    expect(of(await blend.at(0.5))[0]).toBeCloseTo(mean, 6)
    // One layer at a time.
    const layer = await blend.at((each) => (each === name ? 0 : 1))
    expect(of(layer)).toEqual(of(model.parameters))
    await blend.dispose()
  })
})

describe('rows of the head', () => {
  test('are the old ones for old classes, whatever training made of them', () => {
    const widened = widenHead(model, { classes: ['denim'] })
    const head = findHead(widened)
    if (!head) throw new Error('no head')
    const moved = new Map(
      [...widened.parameters].map(([name, tensor]) => [
        name,
        { ...tensor, data: (tensor.data as Float32Array).map((value) => value + 1) },
      ]),
    )
    const mixed = withOldHead(head, moved, widened.parameters, 3)
    const [bias, own] = [mixed, widened.parameters].map((each) => each.get(head.bias ?? '')?.data)
    expect([...(bias as Float32Array)].slice(0, 3)).toEqual([...(own as Float32Array)].slice(0, 3))
    expect((bias as Float32Array)[3]).toBe(Math.fround(Number(own?.[3]) + 1))
  })
})
