import { beforeAll, describe, expect, test } from 'vitest'
import { among, blobModel, blobNames, blobs } from '../../../test/blobs.ts'
import { classLabels, createDataset, type Dataset, samples, subset } from '../../data/dataset.ts'
import { rowHashes } from '../../data/fingerprint.ts'
import { bytesOf, takeRows } from '../../data/rows.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { headCut, modelAbove } from '../../evaluate/cuts/index.ts'
import { bodyHash, featureDataset, featureVectors } from '../../evaluate/features.ts'
import { openJudge } from '../../evaluate/judge.ts'
import { widenHead } from '../../model/heads/widen.ts'
import { mlp } from '../../model/layers/networks.ts'
import type { Model } from '../../model/model.ts'
import { plainNode as node } from '../../onnx/graph.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32 } from '../../tensor/tensor.ts'
import { updateModel } from '../update.ts'
import { type KeepOptions, keepModel } from './keep.ts'
import { chooseForPack, shares } from './keep-choose.ts'
import { extendPack } from './keep-extend.ts'
import { mergePacks } from './keep-merge.ts'
import type { Pack } from './pack.ts'
import { decodePack, encodePack } from './pack-codec.ts'

const engine = ortNode()
const classes = blobNames.slice(0, 4)
const train = blobs({ classes, perClass: 100, seed: 21 })
const heldOut = blobs({ classes, perClass: 80, seed: 22 })
let model: Model
let pack: Pack

const identity = (name: string) => ({ name, sha256: name.padEnd(64, '0') })
const keeping = (
  parts: Partial<KeepOptions & { readonly train: Dataset }> = {},
): KeepOptions & { readonly train: Dataset } => ({
  engine,
  model,
  identity: identity('a'),
  train,
  heldOut,
  budget: { rows: 22, choose: 'herding' },
  ...parts,
})

async function logitsOf(of: Model, dataset: Dataset): Promise<Float32Array> {
  const judge = openJudge(engine, of, of.classes.length)
  const { data } = await judge.logits(dataset).finally(() => judge.dispose())
  return data
}

const counts = ({ exemplars, classes: names }: Pack) =>
  names.map((_, label) => (exemplars ? classLabels(exemplars).filter((each) => each === label).length : 0))

beforeAll(async () => {
  model = await blobModel(engine, classes)
  pack = (await keepModel(keeping({ fisher: true }))).pack
})

describe('what is chosen', () => {
  test('is as much of each class as the budget and the data allow', () => {
    const available = new Map([
      [0, 2],
      [1, 50],
      [2, 50],
    ])
    expect(shares(available, 20)).toEqual(
      new Map([
        [0, 2],
        [1, 9],
        [2, 9],
      ]),
    )
    expect(shares(available, 1000)).toEqual(available)
    expect(counts(pack)).toEqual([5, 5, 6, 6])
  })

  test('by herding begins with the row nearest to the mean of its class, in the features of the head', async () => {
    // One layer of weights one, and nothing below: the features are the inputs, of length 1 on the circle.
    const angles = [0, 10, 20, 70, 90, 135, 180, 225]
    const dataset = createDataset({
      name: 'circle',
      inputs: float32(
        [8, 2],
        angles.flatMap((degrees) => [
          Math.cos((degrees * Math.PI) / 180),
          Math.sin((degrees * Math.PI) / 180),
        ]),
      ),
      labels: { type: 'int32', dims: [8], data: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1) },
      classes: ['few', 'many'],
    })
    const rows = await chooseForPack({
      engine,
      model: mlp({ widths: [2, 2], classes: ['few', 'many'], seed: 1 }),
      dataset,
      choose: 'herding',
      quota: new Map([
        [0, 1],
        [1, 2],
      ]),
      random: randomStream(0, 'test'),
    })
    // Class 0 has its mean at 23 degrees, class 1 at 157; then 135 is balanced by 180.
    expect([...rows]).toEqual([2, 5, 6])
  })

  test('by hardness begins with the rows whose class the model doubts most', async () => {
    const wrong = Int32Array.from(classLabels(train))
    for (const row of [3, 150]) wrong[row] = ((wrong[row] ?? 0) + 2) % 4
    const noisy = { ...train, labels: { type: 'int32' as const, dims: [wrong.length], data: wrong } }
    const { pack: hard } = await keepModel(
      keeping({ train: noisy, budget: { perClass: 1, choose: 'hardest' } }),
    )
    const kept = hard.exemplars && rowHashes(hard.exemplars)
    for (const hash of rowHashes(subset(train, Int32Array.of(3, 150)))) expect(kept).toContain(hash)
  })

  test('at random depends on the seed alone', async () => {
    const random = (seed: number) =>
      keepModel(keeping({ seed, created: '2026-01-01', budget: { perClass: 3, choose: 'random' } }))
    const [one, again, other] = [await random(1), await random(1), await random(2)]
    expect(encodePack(one.pack)).toEqual(encodePack(again.pack))
    expect(one.pack.exemplars).not.toEqual(other.pack.exemplars)
  })
})

describe('a pack of a model', () => {
  test('holds the answers of the model for its rows, and comes back from its file', async () => {
    const { exemplars, logits, heldOut: held } = pack
    if (!exemplars || !held) throw new Error('nothing kept')
    expect(logits?.data).toEqual(await logitsOf(model, exemplars))
    expect(held.logits.data).toEqual(await logitsOf(model, held.dataset))
    expect(samples(held.dataset)).toBe(320)
    expect([...(pack.fisher?.diagonal.keys() ?? [])].sort()).toEqual([...model.parameters.keys()].sort())
    expect(pack.fisher?.rows).toBe(400)
    expect(decodePack(encodePack(pack), 'a.keep')).toEqual(pack)
  })

  test('matches classes by name, whatever their order in the data', async () => {
    const turned = among(train, [...classes].reverse())
    const { pack: same } = await keepModel(
      keeping({ train: turned, heldOut: among(heldOut, [...classes].reverse()) }),
    )
    expect(same.exemplars?.labels).toEqual(pack.exemplars?.labels)
    expect(same.history[0]?.predictions).toEqual(pack.history[0]?.predictions)
  })

  test('holds out no row that it would rehearse, and says when none is left', async () => {
    const { exemplars } = pack
    const { pack: apart } = await keepModel(keeping({ heldOut: train }))
    const rehearsed = new Set(apart.exemplars ? rowHashes(apart.exemplars) : [])
    expect(apart.heldOut && rowHashes(apart.heldOut.dataset).some((hash) => rehearsed.has(hash))).toBe(false)
    const { pack: none, notes } = await keepModel(keeping({ heldOut: exemplars }))
    expect(none.heldOut).toBeUndefined()
    expect(notes.join()).toContain('none is left to measure an update on')
    const { notes: asked } = await keepModel(keeping({ heldOutRows: 0 }))
    expect(asked.join()).toMatch(/^No row is held out, as was asked/)
  })

  test('is refused for data that the model cannot know, and for too small a budget', async () => {
    const strange = blobs({ classes: [...classes, 'fern'], perClass: 5, seed: 1 })
    await expect(keepModel(keeping({ train: strange }))).rejects.toMatchObject({ code: 'keep-classes' })
    const few = keeping({ budget: { rows: 3, choose: 'random' } })
    await expect(keepModel(few)).rejects.toMatchObject({ code: 'keep-budget' })
    const nameless = { ...model, classes: [] }
    await expect(keepModel(keeping({ model: nameless }))).rejects.toMatchObject({ code: 'labels-missing' })
    const broken = createDataset({
      ...train,
      inputs: float32([400, 2], new Float32Array(800).fill(Number.NaN)),
    })
    await expect(keepModel(keeping({ train: broken }))).rejects.toMatchObject({ code: 'data-not-finite' })
  })
})

/** Two convolutions, the second of which is the head: its answers are averaged over positions. */
function convolutional(): Model {
  const random = randomStream(2, 'weights')
  const weights = { 'body.weight': float32([4, 1, 3, 3]), 'head.weight': float32([3, 4, 1, 1]) }
  for (const { data } of Object.values(weights)) random.fillNormal(data)
  const input = { name: 'x', type: 'float32' as const, dims: ['batch', 1, 8, 8] }
  return {
    graph: {
      name: 'convolutional',
      inputs: [input],
      outputs: [{ name: 'logits', type: 'float32', dims: ['batch', 3] }],
      initializers: new Map(),
      nodes: [
        node('Conv', ['x', 'body.weight'], 'y'),
        node('Relu', ['y'], 'features'),
        node('Conv', ['features', 'head.weight'], 'maps'),
        node('GlobalAveragePool', ['maps'], 'pooled'),
        node('Flatten', ['pooled'], 'logits'),
      ],
    },
    opsets: { '': 17 },
    parameters: new Map(Object.entries(weights)),
    buffers: new Map(),
    input,
    output: 'logits',
    classes: ['a', 'b', 'c'],
  }
}

describe('the head alone', () => {
  test('answers from features as the model does from inputs', async () => {
    const features = await featureDataset(engine, model, heldOut)
    expect(features.inputs.dims).toEqual([320, 32])
    expect(await logitsOf(modelAbove(model, headCut(model)), features)).toEqual(
      await logitsOf(model, heldOut),
    )
    expect([...modelAbove(model, headCut(model)).parameters.keys()]).toHaveLength(2)
  })

  test('answers so behind a convolutional body, too, whose features are vectors to choose by', async () => {
    const network = convolutional()
    const inputs = float32([5, 1, 8, 8])
    randomStream(1, 'pixels').fillNormal(inputs.data)
    const labels = { type: 'int32' as const, dims: [5], data: new Int32Array(5) }
    const images = createDataset({ name: 'images', inputs, labels, classes: ['a', 'b', 'c'] })
    const features = await featureDataset(engine, network, images)
    expect(await logitsOf(modelAbove(network, headCut(network)), features)).toEqual(
      await logitsOf(network, images),
    )
    expect(features.inputs.dims).toEqual([5, 4, 6, 6])
    expect((await featureVectors(engine, network, images)).dims).toEqual([5, 4])
  })

  test('is refused where its features would be the data', async () => {
    const linear = mlp({ widths: [2, 4], classes, seed: 1 })
    await expect(featureDataset(engine, linear, heldOut)).rejects.toMatchObject({ code: 'features-raw' })
  })
})

describe('a private pack', () => {
  let hidden: Pack
  beforeAll(async () => {
    hidden = (await keepModel(keeping({ private: true, fisher: true }))).pack
  })

  test('holds no bytes of any input', () => {
    expect(hidden.exemplars?.inputs.dims).toEqual([22, 32])
    const { exemplars } = pack
    if (!exemplars) throw new Error('nothing kept')
    const found = (bytes: Uint8Array) =>
      Array.from({ length: 22 }, (_, row) => bytesOf(takeRows(exemplars.inputs, Int32Array.of(row)))).filter(
        (row) => Buffer.from(bytes).includes(Buffer.from(row)),
      ).length
    const stored = (each: Pack) =>
      Buffer.concat(
        [each.exemplars, each.heldOut?.dataset].flatMap((part) => (part ? bytesOf(part.inputs) : [])),
      )
    // The search finds inputs where they are.
    expect(found(stored(pack))).toBe(22)
    expect(found(stored(hidden))).toBe(0)
    expect(found(encodePack(hidden))).toBe(0)
    expect([...(hidden.fisher?.diagonal.keys() ?? [])]).toHaveLength(2)
  })

  test('is enough to teach the head a class inside a budget, and goes on afterwards', async () => {
    const all = blobNames.slice(0, 5)
    const widened = widenHead(model, { classes: ['ebony'], seed: 3 })
    const fresh = among(blobs({ classes: ['ebony'], perClass: 60, seed: 31 }), all)
    const under = (dataset: Dataset | undefined) => dataset && among(dataset, all)
    const result = await updateModel({
      engine,
      model: modelAbove(model, headCut(model)),
      widened: modelAbove(widened, headCut(widened)),
      data: {
        train: await featureDataset(engine, model, fresh),
        heldOut: await featureDataset(
          engine,
          model,
          among(blobs({ classes: ['ebony'], perClass: 40, seed: 32 }), all),
        ),
        exemplars: under(hidden.exemplars),
        oldHeldOut: under(hidden.heldOut?.dataset),
      },
      budget: { maxDrop: 0.05 },
      epochs: 10,
      learningRate: 1e-2,
      rungs: ['whole'],
    })
    expect(result.old?.n).toBeGreaterThan(100)
    expect(result.new).toMatchObject({ before: 0 })
    expect(result.new.after).toBeGreaterThan(0.5)
    const better = { ...widened, parameters: new Map([...widened.parameters, ...result.parameters]) }
    expect(bodyHash(better)).toBe(bodyHash(model))
    const next = await extendPack({
      ...keeping({ model: better, identity: identity('b'), train: fresh }),
      pack: hidden,
    })
    expect(counts(next.pack)).toEqual([4, 4, 4, 5, 5])
    expect(next.pack.exemplars?.inputs.dims).toEqual([22, 32])
  })

  test('is of no use to a model with another body', async () => {
    const other = await blobModel(engine, classes, 5)
    const extending = extendPack({ ...keeping({ model: other, identity: identity('c') }), pack: hidden })
    await expect(extending).rejects.toMatchObject({ code: 'pack-mismatch' })
  })
})

describe('a pack that is extended', () => {
  test('has the new classes, the new answers, the budget, and every release’s predictions', async () => {
    const better = await blobModel(engine, blobNames.slice(0, 5), 4)
    const fresh = blobs({ classes: ['ebony'], perClass: 50, seed: 41 })
    const { pack: next } = await extendPack({
      ...keeping({ model: better, identity: identity('b'), train: fresh, budget: undefined }),
      heldOut: blobs({ classes: ['ebony'], perClass: 30, seed: 42 }),
      pack,
    })
    expect(next.classes).toEqual(better.classes)
    expect(counts(next)).toEqual([4, 4, 4, 5, 5])
    // The old exemplars that stay are the first of each class.
    const first = pack.exemplars && rowHashes(pack.exemplars).slice(0, 4)
    expect(next.exemplars && rowHashes(next.exemplars).slice(0, 4)).toEqual(first)
    expect(next.exemplars && (await logitsOf(better, next.exemplars))).toEqual(next.logits?.data)
    expect(next.heldOut && samples(next.heldOut.dataset)).toBe(350)
    const [golden, release] = next.history
    expect(golden?.predictions.data.slice(0, 320)).toEqual(pack.heldOut?.predictions.data)
    expect(golden?.predictions.data.slice(320).every((unit) => unit === -1)).toBe(true)
    expect(release).toMatchObject({ model: identity('b'), classes: 5 })
    expect(next.data.map(({ rows }) => rows)).toEqual([400, 50])
    expect(decodePack(encodePack(next), 'next.keep')).toEqual(next)
  })

  test('gives each data set of a class an equal part', async () => {
    const again = (from: Pack, seed: number) =>
      extendPack({
        ...keeping({ budget: { rows: 24, choose: 'random' } }),
        train: blobs({ classes, perClass: 60, seed }),
        pack: from,
      })
    const { pack: two } = await again(pack, 51)
    const { pack: three } = await again(two, 52)
    const from = (of: Pack) => {
      const has = new Set(of.exemplars ? rowHashes(of.exemplars) : [])
      return three.exemplars ? rowHashes(three.exemplars).filter((hash) => has.has(hash)).length : 0
    }
    expect(counts(three)).toEqual([6, 6, 6, 6])
    expect([from(pack), from(two)]).toEqual([8, 16])
  })

  test('counts data once that it was made of already, and says that their held-out rows are there', async () => {
    // Sums, which would be told to be taken anew, have a test of their own.
    const from = { ...pack, sums: undefined }
    const options = {
      ...keeping({ model: await blobModel(engine, blobNames.slice(0, 5), 4), identity: identity('b') }),
      train: blobs({ classes: ['ebony'], perClass: 50, seed: 41 }),
      heldOut: blobs({ classes: ['ebony'], perClass: 30, seed: 42 }),
    }
    const { pack: once, notes } = await extendPack({ ...options, pack: from })
    expect(once.traffic?.weights).toEqual([180, 180, 180, 180, 80])
    const { pack: twice, notes: again } = await extendPack({ ...options, pack: once })
    expect(notes).toEqual([])
    expect(again).toEqual([expect.stringContaining('are in the pack already, so that the pack measures')])
    const { traffic, data, exemplars, heldOut: held } = twice
    expect({ traffic, data, exemplars }).toEqual({
      ...{ traffic: once.traffic, data: once.data, exemplars: once.exemplars },
    })
    expect(held?.dataset).toEqual(once.heldOut?.dataset)
    const { heldOut: _, ...alone } = options
    expect((await extendPack({ ...alone, pack: from })).notes.join()).toContain('no test or validation part')
    expect((await extendPack({ ...options, heldOutRows: 0, pack: from })).notes).toEqual([])
  })

  test('is refused for a model that does not know its classes, or data prepared otherwise', async () => {
    const other = await blobModel(engine, ['amber', 'fern'])
    const strange = {
      ...keeping({ model: other, train: blobs({ classes: ['fern'], perClass: 9, seed: 1 }) }),
      pack,
    }
    await expect(extendPack(strange)).rejects.toThrow('does not know blue, coral, denim')
    const scaled = { ...train, preprocessing: { scale: 2, mean: 0, std: 1 } }
    await expect(extendPack({ ...keeping({ train: scaled }), pack })).rejects.toThrow(
      'is prepared as {"scale":2',
    )
  })
})

describe('packs that are merged', () => {
  test('have the rows of both once, with their answers and releases', async () => {
    const more = keeping({ train: blobs({ classes, perClass: 50, seed: 61 }) })
    const { pack: other } = await keepModel({ ...more, heldOut: blobs({ classes, perClass: 10, seed: 62 }) })
    const both = mergePacks(pack, other)
    expect(counts(both)).toEqual([10, 10, 12, 12])
    expect(both.exemplars && (await logitsOf(model, both.exemplars))).toEqual(both.logits?.data)
    expect(both.heldOut && samples(both.heldOut.dataset)).toBe(360)
    expect(both.history[0]?.predictions).toEqual(both.heldOut?.predictions)
    expect(both.budget.rows).toBe(44)
    expect(both.data).toHaveLength(2)
    expect(decodePack(encodePack(both), 'both.keep')).toEqual(both)
    const itself = mergePacks(pack, pack)
    expect(itself.exemplars).toEqual(pack.exemplars)
    expect(itself.heldOut).toEqual(pack.heldOut)
    expect(itself.data).toEqual(pack.data)
  })

  test('leave out held-out rows that the other rehearses', async () => {
    const { pack: other } = await keepModel(keeping({ train: heldOut, heldOut: undefined }))
    const both = mergePacks(pack, other)
    expect(both.heldOut && samples(both.heldOut.dataset)).toBe(320 - 22)
    expect(both.history[0]?.predictions.dims).toEqual([298])
  })

  test('are refused where one has no importance of a weight: it would count as none', () => {
    const [name, ...others] = [...(pack.fisher?.diagonal ?? [])]
    if (!pack.fisher || !name) throw new Error('the pack has a Fisher diagonal')
    const less = { ...pack, fisher: { ...pack.fisher, diagonal: new Map(others) } }
    expect(() => mergePacks(pack, less)).toThrow(expect.objectContaining({ code: 'missing' }))
  })

  test('are refused where they are of different models or data', () => {
    const other = { ...pack, model: identity('z') }
    expect(() => mergePacks(pack, other)).toThrow('they differ in model')
    expect(() => mergePacks(pack, { ...pack, classes: ['x'] })).toThrow('they differ in classes')
    expect(() => mergePacks(pack, { ...pack, preprocessing: { scale: 2, mean: 0, std: 1 } })).toThrow(
      'preprocessing',
    )
  })
})
