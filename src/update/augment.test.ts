import { expect, it } from 'vitest'
import { blobModel, blobNames, blobs } from '../../test/blobs.ts'
import { bitsOf } from '../../test/toy-learning.ts'
import type { AugmentSpec } from '../data/augment/index.ts'
import { createDataset, type Dataset } from '../data/dataset.ts'
import { ortNode } from '../engine/ort-node.ts'
import { flatten, linear, relu, sequential } from '../model/layers/layers.ts'
import { network } from '../model/layers/network.ts'
import { required } from '../required.ts'
import { randomStream } from '../tensor/random.ts'
import { type Tensor, toNumbers } from '../tensor/tensor.ts'
import { updateModel } from './update.ts'
import type { UpdateOptions } from './update-types.ts'

const engine = ortNode({ threads: 1 })
const classes = ['dark', 'light']

/** Grey images of 4 x 4 pixels, dark or light on the left. */
function images(seed: number, perClass: number): Dataset {
  const random = randomStream(seed, 'images')
  const rows = 2 * perClass
  return createDataset({
    name: 'sides',
    inputs: {
      type: 'uint8',
      dims: [rows, 1, 4, 4],
      data: Uint8Array.from(
        { length: rows * 16 },
        (_, at) => random.integer(150) + (at % 4 < 2 && Math.floor(at / 16) % 2 === 1 ? 100 : 0),
      ),
    },
    labels: { type: 'int32', dims: [rows], data: Int32Array.from({ length: rows }, (_, at) => at % 2) },
    classes,
    preprocessing: { scale: 1 / 255, mean: 0.3, std: 0.5 },
  })
}

const model = network({
  ...{ name: 'linear', inputDims: [1, 4, 4], classes, seed: 1 },
  layer: sequential({ flat: flatten(), fc: linear(16, 2) }),
})

/** An update, and the weights that its last trial ended with, taken or not. */
async function updated(given: Partial<UpdateOptions>) {
  let end: ReadonlyMap<string, Tensor> = new Map()
  const result = await updateModel({
    onEvent: (event) => {
      if (event.type === 'trained') end = event.parameters
    },
    ...{ engine, model, widened: model, budget: { maxDrop: 0.5 }, epochs: 3, seed: 4 },
    learningRate: 1e-2,
    data: {
      train: images(1, 40),
      heldOut: images(2, 30),
      exemplars: images(3, 10),
      oldHeldOut: images(4, 40),
    },
    ...given,
  })
  return { ...result, end }
}

/** How much more the weights of the second class have grown for the left half than for the right. */
function leaning(end: ReadonlyMap<string, Tensor>): number {
  const [after = [], before = []] = [end, model.parameters].map((one) =>
    toNumbers(required(one, 'fc.weight', 'parameter')).slice(16),
  )
  return after.reduce((sum, weight, at) => sum + (at % 4 < 2 ? 1 : -1) * (weight - (before[at] ?? 0)), 0)
}

it('trains on augmented images where that is asked for, and says so', async () => {
  const augment = { flip: 0.5, crop: 1, mixup: 0.2 }
  const [plain, one, again] = [await updated({}), await updated({ augment }), await updated({ augment })]
  expect(one.trials[0]?.settings.augment).toBe('flip:0.5,crop:1,mixup:0.2')
  expect(plain.trials[0]?.settings).not.toHaveProperty('augment')
  expect(bitsOf(again.end)).toBe(bitsOf(one.end))
  expect(bitsOf(plain.end)).not.toBe(bitsOf(one.end))
  // Light on the left is learned as light on the right where every image is flipped.
  const flipped = await updated({ augment: { flip: 1 } })
  expect(leaning(plain.end)).toBeGreaterThan(0)
  expect(leaning(flipped.end)).toBeLessThan(0)
}, 20_000)

it('refuses rows that are no images before anything is trained', async () => {
  const names = blobNames.slice(0, 2)
  const points = await blobModel(engine, names)
  const data = {
    train: blobs({ classes: names, perClass: 20, seed: 1 }),
    heldOut: blobs({ classes: names, perClass: 20, seed: 2 }),
  }
  const none = await updated({ model: points, widened: points, data, augment: {} })
  expect(none.trials.every(({ settings }) => settings.augment === undefined)).toBe(true)
  const asked = updated({ model: points, widened: points, data, augment: { flip: 0.5 } })
  await expect(asked).rejects.toThrow(
    expect.objectContaining({
      code: 'augment-data',
      message: expect.stringContaining('augmentation is for images'),
    }),
  )
})

it('trains on views of the images above a cut, in as many steps, and mixes none there', async () => {
  const deep = network({
    ...{ name: 'deep', inputDims: [1, 4, 4], classes, seed: 1 },
    layer: sequential({
      ...{ flat: flatten(), one: linear(16, 24), bend: relu() },
      ...{ two: linear(24, 24), turn: relu(), fc: linear(24, 2) },
    }),
  })
  const above = (augment?: AugmentSpec) =>
    updated({ model: deep, widened: deep, rungs: ['above'], ...(augment && { augment }) })
  const [plain, viewed, mixed] = [
    await above(),
    await above({ flip: 1, mixup: 0.2 }),
    await above({ mixup: 0.2 }),
  ]
  expect(plain.trials[0]?.settings.rung).toMatch(/^above /)
  expect(viewed.trials[0]?.settings.augment).toBe('flip:1, 2 views a row')
  expect(viewed.trials[0]?.settings.epochs).toBe(plain.trials[0]?.settings.epochs)
  expect(bitsOf(viewed.end)).not.toBe(bitsOf(plain.end))
  expect(mixed.trials[0]?.settings).not.toHaveProperty('augment')
  expect(bitsOf(mixed.end)).toBe(bitsOf(plain.end))
})
