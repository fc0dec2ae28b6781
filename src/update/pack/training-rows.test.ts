import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blobModel, blobNames, blobs } from '../../../test/blobs.ts'
import { type Dataset, samples, subset } from '../../data/dataset.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { modelToOnnx } from '../../model/import/onnx-model.ts'
import { plainCnn } from '../../model/layers/networks.ts'
import type { Model } from '../../model/model.ts'
import { randomStream } from '../../tensor/random.ts'
import { type KeepOptions, keepModel } from './keep.ts'
import { keepFile } from './keep-files.ts'
import { type Pack, releaseAccuracy } from './pack.ts'
import { encodePack } from './pack-codec.ts'
import type { RowBlocks } from './training-rows.ts'

const engine = ortNode()

/** Rows in blocks of so many. */
const blocksOf = (dataset: Dataset, size: number): RowBlocks => ({
  blocks: function* () {
    for (let from = 0; from < samples(dataset); from += size) {
      const count = Math.min(size, samples(dataset) - from)
      yield subset(
        dataset,
        Int32Array.from({ length: count }, (_, at) => from + at),
      )
    }
  },
})

describe('a pack of rows that come in blocks', () => {
  const classes = blobNames.slice(0, 4)
  const train = blobs({ classes, perClass: 100, seed: 21 })
  const heldOut = blobs({ classes, perClass: 20, seed: 22 })
  let model: Model
  beforeAll(async () => {
    model = await blobModel(engine, classes)
  })

  const ways: readonly (readonly [string, Partial<KeepOptions>])[] = [
    ['by herding', {}],
    ['at random, with the Fisher', { budget: { rows: 30, choose: 'random' }, fisher: true }],
    [
      'by hardness, with activations',
      { budget: { perClass: 4, choose: 'hardest' }, heldOutRows: 20, heldOutActivations: 30 },
    ],
    ['as features, with sums of random ones', { private: true, expandHead: 8 }],
    ['as sums alone', { sumsOnly: true }],
  ]
  test.each(ways)('is that of the same rows in memory: %s', async (_, way) => {
    const made = async (rows: KeepOptions['train']) => {
      const identity = { name: 'a', sha256: 'a'.repeat(64) }
      const facts = { engine, model, identity, heldOut, created: '2026-01-01T00:00:00.000Z' }
      const { pack, notes } = await keepModel({
        budget: { rows: 40, choose: 'herding' },
        ...facts,
        ...way,
        train: rows,
      })
      return { bytes: encodePack(pack), notes }
    }
    expect(await made(blocksOf(train, 150))).toEqual(await made(train))
  })
})

test('data that change between the two times are refused', async () => {
  const train = blobs({ classes: blobNames.slice(0, 4), perClass: 10, seed: 21 })
  let times = 0
  const shrinking: RowBlocks = { blocks: () => blocksOf(train, times++ === 0 ? 15 : 40).blocks() }
  const lost: RowBlocks = { blocks: () => [times++ === 1 ? train : subset(train, new Int32Array(3))] }
  const identity = { name: 'a', sha256: 'a'.repeat(64) }
  const model = await blobModel(engine, train.classes)
  const making = { engine, model, identity, budget: { rows: 8, choose: 'random' } } as const
  expect((await keepModel({ ...making, train: shrinking })).pack.exemplars).toBeDefined()
  times = 1
  await expect(keepModel({ ...making, train: lost })).rejects.toMatchObject({
    code: 'data-changed',
    message: expect.stringContaining('40 training rows when they were gone through first, and 3'),
  })
})

describe('images that do not fit into memory', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-blocks-'))
    const model = plainCnn({
      inputDims: [3, 8, 8],
      channels: [4, 4, 4, 4, 4],
      classes: ['dark', 'light'],
      seed: 1,
    })
    await writeFile(join(folder, 'model.onnx'), modelToOnnx(model))
    const random = randomStream(1, 'pixels')
    for (const [part, count] of [
      ['train', 12],
      ['test', 2],
    ] as const) {
      for (const [label, level] of [
        ['dark', 20],
        ['light', 200],
      ] as const) {
        await mkdir(join(folder, 'data', part, label), { recursive: true })
        for (let at = 0; at < count; at++) {
          const pixels = Uint8Array.from({ length: 8 * 8 * 3 }, () => level + random.uniform() * 40)
          const image = sharp(pixels, { raw: { width: 8, height: 8, channels: 3 } })
          await image.png().toFile(join(folder, 'data', part, label, `${10 + at}.png`))
        }
      }
    }
  })
  afterAll(() => rm(folder, { recursive: true }))

  const keep = (maxBytes?: number) =>
    keepFile({
      ...{ engine, model: join(folder, 'model.onnx'), data: join(folder, 'data') },
      ...{ out: join(folder, `${maxBytes}.keep`), budget: { rows: 6, choose: 'herding' as const } },
      reading: { cache: false, maxBytes },
    })
  const withoutTime = ({ created: _created, history, ...pack }: Pack) => ({
    ...pack,
    history: history.map((release) => ({ ...release, created: '' })),
  })

  test('are gone through in blocks, which is said, to the same pack', async () => {
    const [whole, blocks] = [await keep(), await keep(4000)]
    // A row takes 192 bytes, and a block a quarter of what there is room for.
    expect(blocks.notes.join()).toContain(
      'does not fit into memory: its training part is gone through in blocks of 5 images',
    )
    expect(whole.notes.join()).not.toContain('does not fit')
    const { sums, ...pack } = withoutTime(blocks.pack)
    const { sums: own, ...same } = withoutTime(whole.pack)
    expect(pack).toEqual(same)
    for (const [at, value] of (own?.sums.sums ?? []).entries())
      expect(sums?.sums.sums[at]).toBeCloseTo(value, 4)
    const [release] = blocks.pack.history
    expect(release && releaseAccuracy(release, blocks.pack.heldOut)?.rows).toBe(4)
  })

  test('are refused where even the test part does not', async () => {
    await expect(keep(500)).rejects.toMatchObject({ code: 'data-too-large' })
  })
})
