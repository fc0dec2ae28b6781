import { beforeAll, describe, expect, test } from 'vitest'
import { among, blobModel, blobNames, blobs } from '../../../test/blobs.ts'
import { classLabels, type Dataset } from '../../data/dataset.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { featureSums } from '../../evaluate/feature-sums.ts'
import { featureVectors } from '../../evaluate/features.ts'
import type { FeatureSums } from '../../evaluate/sums.ts'
import { expandHead, expansionOf, widenHead } from '../../model/heads/index.ts'
import { mlp } from '../../model/layers/networks.ts'
import type { Model } from '../../model/model.ts'
import { type KeepOptions, keepModel } from './keep.ts'
import { extendPack } from './keep-extend.ts'
import { mergePacks } from './keep-merge.ts'
import { isSumsOnly, type Pack } from './pack.ts'
import { decodePack, encodePack } from './pack-codec.ts'
import { summarisePack } from './pack-summary.ts'
import { sumsFor } from './pack-sums.ts'

const engine = ortNode({ threads: 1 })
const classes = blobNames.slice(0, 3)
const all = blobNames.slice(0, 4)
const train = blobs({ classes, perClass: 40, seed: 21 })
const heldOut = blobs({ classes, perClass: 20, seed: 22 })
const fresh = blobs({ classes: all.slice(3), perClass: 30, seed: 23 })
const identity = (name: string) => ({ name, sha256: name.padEnd(64, '0') })
let model: Model
let pack: Pack

const keeping = (
  parts: Partial<KeepOptions & { readonly train: Dataset }> = {},
): KeepOptions & { readonly train: Dataset } => ({
  engine,
  model,
  identity: identity('a'),
  train,
  heldOut,
  budget: { rows: 12, choose: 'herding' },
  ...parts,
})

async function summed(of: Model, dataset: Dataset): Promise<FeatureSums> {
  const features = await featureVectors(engine, of, dataset)
  const labels = classLabels(dataset)
  return featureSums({
    engine,
    features,
    labels,
    classes: dataset.classes.length,
    expansion: expansionOf(of)?.weight,
  })
}

/** To the digits of float32, in which a pack holds products. */
function expectSame(found: FeatureSums | undefined, expected: FeatureSums): void {
  expect(found?.counts).toEqual(expected.counts)
  const { width } = expected
  const most = Math.max(...expected.scatter)
  const lower = (values: Iterable<number>) =>
    [...values].filter((_, at) => at % width <= Math.floor(at / width))
  const near = (values: Iterable<number>, size: number) =>
    [...values].map((value) => expect.closeTo(value / size, 4))
  expect([...(found?.sums ?? [])].map((value) => value / 100)).toEqual(near(expected.sums, 100))
  expect(lower(found?.scatter ?? []).map((value) => value / most)).toEqual(
    near(lower(expected.scatter), most),
  )
}

beforeAll(async () => {
  model = await blobModel(engine, classes)
  pack = (await keepModel(keeping())).pack
})

describe('the sums of a pack', () => {
  test('are those of all training rows, and come back from the file', async () => {
    expect(pack.sums).toMatchObject({ of: 'training data', expansion: undefined })
    expectSame(pack.sums?.sums, await summed(model, train))
    expect(decodePack(encodePack(pack), 'a.keep')).toEqual(pack)
    expect(summarisePack(pack).sums).toEqual({ of: 'training data', rows: 120, width: 32, random: 0 })
  })

  test('are for a model with the same weights below its head, under its classes', async () => {
    const turned = [all[3] as string, ...[...classes].reverse()]
    const found =
      pack.sums && sumsFor(pack.sums, widenHead(model, { classes: [all[3] as string] }), classes, turned)
    expect([...(found?.counts ?? [])]).toEqual([0, 40, 40, 40])
    expect(found?.sums.subarray(3 * 32)).toEqual(pack.sums?.sums.sums.subarray(0, 32))
    const other = await blobModel(engine, classes, 5)
    expect(pack.sums && sumsFor(pack.sums, other, classes, classes)).toBeUndefined()
    expect(pack.sums && sumsFor(pack.sums, expandHead(model, { width: 9 }), classes, classes)).toBeUndefined()
  })

  test('can be of random features, from which those of the plain ones follow', async () => {
    const { pack: wide } = await keepModel(keeping({ expandHead: 20, seed: 4 }))
    expect(wide.sums?.expansion).toMatchObject({ width: 20, seed: 4, features: 32, passes: 1 })
    const expanded = expandHead(model, { width: 20, seed: 4 })
    expectSame(wide.sums && sumsFor(wide.sums, expanded, classes, classes), await summed(expanded, train))
    expectSame(wide.sums && sumsFor(wide.sums, model, classes, classes), await summed(model, train))
    const another = expandHead(model, { width: 20, seed: 5 })
    expect(wide.sums && sumsFor(wide.sums, another, classes, classes)).toBeUndefined()
  })

  test('follow from random ones, too, where features can be negative and pass twice', async () => {
    const signed = { ...mlp({ widths: [2, 6, 3], classes, seed: 2 }) }
    const bent = {
      ...signed,
      graph: {
        ...signed.graph,
        nodes: signed.graph.nodes.map((node) => (node.op === 'Relu' ? { ...node, op: 'Tanh' } : node)),
      },
    }
    const { pack: wide } = await keepModel(keeping({ model: bent, expandHead: 5 }))
    expect(wide.sums?.expansion).toMatchObject({ features: 6, passes: 2 })
    expectSame(wide.sums && sumsFor(wide.sums, bent, classes, classes), await summed(bent, train))
  })

  test('are of an expanded model as its head reads it, with no word of a seed', async () => {
    const expanded = expandHead(model, { width: 7, seed: 2 })
    const { pack: kept } = await keepModel(keeping({ model: expanded }))
    expect(kept.sums?.expansion).toEqual({
      width: 7,
      seed: undefined,
      features: 32,
      passes: 1,
      weight: expect.any(String),
    })
    expectSame(kept.sums && sumsFor(kept.sums, expanded, classes, classes), await summed(expanded, train))
    await expect(keepModel(keeping({ model: expanded, expandHead: 7 }))).rejects.toMatchObject({
      code: 'head-expanded',
    })
  })

  test('stand alone where no row is to be kept, and say where they are of few', async () => {
    const few = blobs({ classes: classes.slice(0, 1), perClass: 9, seed: 9 })
    const { pack: bare, notes } = await keepModel(keeping({ sumsOnly: true, train: among(few, classes) }))
    expect(isSumsOnly(bare)).toBe(true)
    expect(bare).toMatchObject({ private: true, exemplars: undefined, logits: undefined, heldOut: undefined })
    expect(notes.join(' ')).toContain('Of amber fewer than 10 rows were summed')
    expect(decodePack(encodePack(bare), 'bare.keep')).toEqual(bare)
    const linear = mlp({ widths: [2, 3], classes, seed: 1 })
    await expect(keepModel(keeping({ model: linear, sumsOnly: true }))).rejects.toMatchObject({
      code: 'features-raw',
    })
  })
})

describe('the sums of a pack that is extended', () => {
  const better = (from: Model): Model => widenHead(from, { classes: all.slice(3) })
  const extending = (of: Model, from: Pack) =>
    extendPack({ ...keeping({ model: of, identity: identity('b'), train: fresh }), pack: from })

  test('go on where the weights below the head stayed', async () => {
    const { pack: next, notes } = await extending(better(model), pack)
    expect(next.sums?.of).toBe('training data')
    expect([...(next.sums?.sums.counts ?? [])]).toEqual([40, 40, 40, 30])
    const [old, joined] = [await summed(model, train), await summed(model, among(fresh, all))]
    expect(next.sums?.sums.sums.subarray(0, 96)).toEqual(old.sums)
    expect(next.sums?.sums.sums.subarray(96)).toEqual(joined.sums.subarray(96))
    expect(notes.join(' ')).not.toContain('sums')
  })

  test('are taken anew from what is left of the old rows where they did not, which is said', async () => {
    const other = await blobModel(engine, all, 4)
    const { pack: next, notes } = await extending(other, pack)
    expect(next.sums?.of).toBe('exemplars')
    expect([...(next.sums?.sums.counts ?? [])]).toEqual([4, 4, 4, 30])
    expect(notes.join(' ')).toContain('taken anew, of the 12 exemplars of old data and all new rows')
  })

  test('stay those of the random features that the pack has, whether the model has them by now or not', async () => {
    const { pack: wide } = await keepModel(keeping({ expandHead: 20 }))
    for (const of of [better(model), better(expandHead(model, { width: 20 }))]) {
      const { pack: next } = await extending(of, wide)
      expect(next.sums).toMatchObject({ of: 'training data', expansion: { width: 20, seed: 0 } })
      const { sums } = await summed(expandHead(model, { width: 20 }), among(fresh, all))
      expect([...(next.sums?.sums.sums.subarray(3 * 52) ?? [])]).toEqual([...sums.subarray(3 * 52)])
    }
  })

  test('stay without a row', async () => {
    const { pack: bare } = await keepModel(keeping({ sumsOnly: true }))
    const { pack: next } = await extending(better(model), bare)
    expect(isSumsOnly(next)).toBe(true)
    expect([...(next.sums?.sums.counts ?? [])]).toEqual([40, 40, 40, 30])
  })

  test('count data once that the pack was made of already', async () => {
    const { pack: next } = await extendPack({ ...keeping(), pack })
    expect(next.sums).toEqual(pack.sums)
  })

  test('stay where the new data bring no row that the pack has not', async () => {
    const { exemplars } = pack
    if (!exemplars) throw new Error('nothing kept')
    const { pack: next } = await extendPack({ ...keeping({ train: exemplars, heldOut: undefined }), pack })
    expect(next.sums).toEqual(pack.sums)
  })

  test('are none of a pack that had none', async () => {
    const { pack: next } = await extending(better(model), { ...pack, sums: undefined })
    expect(next.sums).toBeUndefined()
  })
})

describe('the sums of packs that are merged', () => {
  test('add up, once for the same data', async () => {
    const more = blobs({ classes, perClass: 25, seed: 31 })
    const { pack: other } = await keepModel(keeping({ train: more }))
    const both = mergePacks(pack, other)
    expect([...(both.sums?.sums.counts ?? [])]).toEqual([65, 65, 65])
    expect(mergePacks(pack, pack).sums).toEqual(pack.sums)
    expect(decodePack(encodePack(both), 'both.keep')).toEqual(both)
  })

  test('are none where one has none, or of other features', async () => {
    const more = blobs({ classes, perClass: 25, seed: 31 })
    const { pack: other } = await keepModel(keeping({ train: more, expandHead: 4 }))
    expect(mergePacks(pack, other).sums).toBeUndefined()
    expect(mergePacks(pack, { ...other, sums: undefined }).sums).toBeUndefined()
  })

  test('are all that two packs without rows have', async () => {
    const more = blobs({ classes, perClass: 25, seed: 31 })
    const [one, other] = await Promise.all(
      [train, more].map(async (rows) => (await keepModel(keeping({ train: rows, sumsOnly: true }))).pack),
    )
    const both = one && other && mergePacks(one, other)
    expect(both && isSumsOnly(both)).toBe(true)
    expect([...(both?.sums?.sums.counts ?? [])]).toEqual([65, 65, 65])
  })
})
