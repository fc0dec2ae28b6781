import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { among, blobModel, blobNames, blobs } from '../../../test/blobs.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { type Judge, openJudge } from '../../evaluate/judge.ts'
import { findHead } from '../../model/heads/head.ts'
import { withOldHead } from '../../model/heads/head-rows.ts'
import { widenHead } from '../../model/heads/widen.ts'
import type { Model } from '../../model/model.ts'
import { splitHeldOut } from '../parts.ts'
import { openBlend } from './blend.ts'
import { predicted } from './search.ts'
import { walkPath } from './walk.ts'

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

const walk = async (alphas?: readonly number[]) => {
  const answers = await judge.answers(old)
  const seen: number[] = []
  const result = await walkPath({
    engine,
    judge,
    start: model.parameters,
    end: other.parameters,
    old,
    fresh: blobs({ classes, perClass: 60, seed: 3, turn: 1 }),
    baseline: predicted(answers, classes.length, 0),
    oldClasses: classes.length,
    aim: { budget: { maxDrop: 0.05 }, before: 0, rows: 180 },
    shift: false,
    ...(alphas ? { alphas, refine: false } : {}),
    onPoint: ({ alpha }) => seen.push(alpha),
  })
  return { ...result, seen }
}

describe('the path between two sets of weights', () => {
  test('begins where nothing has changed and ends at the other model', async () => {
    const { curve } = await walk([0, 0.5, 1])
    expect(curve.map(({ alpha }) => alpha)).toEqual([0, 0.5, 1])
    expect(curve[0]).toMatchObject({ drop: 0, flips: { negative: 0, positive: 0, total: 180 } })
    const end = await judge.answers(old, other.parameters)
    const right = predicted(end, 3, 0).filter((unit, row) => unit === end.labels[row]).length
    expect(curve[2]?.old).toBeCloseTo(right / 180)
  })

  test('is looked at more closely around the best point, and every look is told', async () => {
    const { curve, seen } = await walk()
    expect(seen).toHaveLength(curve.length)
    expect(curve.length).toBeGreaterThan(5)
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

describe('held-out rows', () => {
  const all = { train: old, heldOut: old, oldHeldOut: old }

  test('are divided without a row in both parts', () => {
    const parts = splitHeldOut(all)
    const points = (part: typeof old | undefined) => [...((part?.inputs.data ?? []) as Float32Array)]
    const [choose, check] = [points(parts.oldChoose), points(parts.oldCheck)]
    expect([choose.length, check.length].every((length) => length > 100)).toBe(true)
    expect([...choose, ...check].sort()).toEqual(points(old).sort())
  })

  test('are taken as they are where rows to check on are given', () => {
    const check = among(blobs({ classes, perClass: 5, seed: 9 }), classes)
    const parts = splitHeldOut({ ...all, check, oldCheck: check })
    expect(parts).toEqual({ oldChoose: old, oldCheck: check, newChoose: old, newCheck: check })
  })
})
