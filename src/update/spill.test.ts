import { afterAll, describe, expect, it } from 'vitest'
import { blobNames } from '../../test/blobs.ts'
import { bitsOf } from '../../test/toy-learning.ts'
import { createDataset, type Dataset } from '../data/dataset.ts'
import { openSpill } from '../data/spill-files.ts'
import { ortNode } from '../engine/ort-node.ts'
import { widenHead } from '../model/heads/index.ts'
import { conv2d, flatten, linear, relu, sequential } from '../model/layers/index.ts'

import { network } from '../model/layers/network.ts'
import { randomStream } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { UpdateData } from './parts.ts'
import { updateModel } from './update.ts'
import type { UpdateOptions } from './update-types.ts'

const engine = ortNode({ threads: 1 })
const onDisk = openSpill(0)
afterAll(() => onDisk.close())

const classes = blobNames.slice(0, 3)

/** Grey images of 4 x 4 pixels, with a light row where their class says. */
function images(seed: number, perClass: number, labels: readonly number[]): Dataset {
  const random = randomStream(seed, 'images')
  const all = Array.from({ length: perClass * labels.length }, (_, row) => labels[row % labels.length] ?? 0)
  return createDataset({
    name: `images ${seed}`,
    inputs: {
      type: 'uint8',
      dims: [all.length, 1, 4, 4],
      data: Uint8Array.from(
        { length: all.length * 16 },
        (_, at) => random.integer(120) + (Math.floor((at % 16) / 4) === all[Math.floor(at / 16)] ? 100 : 0),
      ),
    },
    labels: { type: 'int32', dims: [all.length], data: Int32Array.from(all) },
    classes,
    preprocessing: { scale: 1 / 255, mean: 0.3, std: 0.5 },
  })
}

const model = network({
  ...{ name: 'small', inputDims: [1, 4, 4], classes: classes.slice(0, 2), seed: 1 },
  layer: sequential({
    ...{ conv: conv2d(1, 4, 3, { padding: 1 }), relu: relu() },
    ...{ flat: flatten(), hidden: linear(64, 8), relu2: relu(), fc: linear(8, 2) },
  }),
})
const widened = widenHead(model, { classes: classes.slice(2), seed: 2 })

const data: UpdateData = {
  train: images(1, 40, [2]),
  heldOut: images(2, 30, [2]),
  exemplars: images(3, 20, [0, 1]),
  oldHeldOut: images(4, 40, [0, 1]),
  unlabelled: images(5, 20, [0]),
}

const spilled = (dataset: Dataset): Dataset => ({ ...dataset, inputs: onDisk.keep(dataset.inputs) })
const allSpilled = {
  train: spilled(data.train),
  heldOut: spilled(data.heldOut),
  exemplars: data.exemplars && spilled(data.exemplars),
  oldHeldOut: data.oldHeldOut && spilled(data.oldHeldOut),
  unlabelled: data.unlabelled && spilled(data.unlabelled),
} satisfies UpdateData

/** The weights that each trial ended with, and what the update came to. */
async function updated(rows: UpdateData, given: Partial<UpdateOptions>) {
  const ends: string[] = []
  const result = await updateModel({
    ...{
      engine,
      model,
      widened,
      data: rows,
      budget: { maxDrop: 0.5 },
      epochs: 2,
      seed: 4,
      learningRate: 1e-2,
    },
    onEvent: (event) => {
      if (event.type === 'trained') ends.push(bitsOf(event.parameters as ReadonlyMap<string, Tensor>))
    },
    ...given,
  })
  const { old, new: fresh, chosen } = result
  return { ends, old, fresh, chosen: { ...chosen, seconds: undefined } }
}

const sameBits = async (given: Partial<UpdateOptions>): Promise<void> => {
  const memory = await updated(data, given)
  const disk = await updated(allSpilled, given)
  expect(memory.ends.length).toBeGreaterThan(0)
  expect(disk).toEqual(memory)
}

describe('an update of rows on disk', () => {
  it('comes to the same bits on every rung, with augmented views', () =>
    sameBits({ rungs: ['closed-form', 'head', 'above', 'whole'], augment: { flip: 0.5, crop: 1 } }))

  it('comes to the same bits where nothing old is rehearsed', async () => {
    const memory = await updated({ train: data.train, heldOut: data.heldOut }, {})
    const disk = await updated({ train: allSpilled.train, heldOut: allSpilled.heldOut }, {})
    expect(disk).toEqual(memory)
  })

  // Those that read rows in ways of their own: a Fisher, one row at a time, a second gradient.
  for (const method of ['ewc', 'mas', 'a-gem', 'er-ace'])
    it(`comes to the same bits by ${method}`, () => sameBits({ method, rungs: ['whole'], epochs: 1 }))
})
