import { describe, expect, test } from 'vitest'
import { createDataset, type Dataset } from '../src/data/dataset.ts'
import { openJudge } from '../src/evaluate/judge.ts'
import { followNorms } from '../src/model/adapters/index.ts'
import { widenHead } from '../src/model/heads/index.ts'
import { modelFromOnnx, modelToOnnx, withParameters } from '../src/model/import/index.ts'
import {
  batchNorm2d,
  conv2d,
  flatten,
  globalAveragePool,
  linear,
  network,
  relu,
  sequential,
} from '../src/model/layers/index.ts'
import type { Model } from '../src/model/model.ts'
import { randomStream } from '../src/tensor/random.ts'
import { updateModel } from '../src/update/update.ts'
import type { UpdateOptions } from '../src/update/update-types.ts'
import { updatedModel } from '../src/update/updated-model.ts'
import { engine } from './op-cases.ts'

const names = ['dark', 'light', 'striped']

/** Grey images of 6 x 6 pixels: darker, lighter, or with stripes. */
function images(classes: readonly string[], perClass: number, seed: number): Dataset {
  const random = randomStream(seed, 'images')
  const labels = classes.flatMap((name) => new Array<number>(perClass).fill(names.indexOf(name)))
  const data = labels.flatMap((label) =>
    Array.from({ length: 36 }, (_, at) =>
      label === 2 ? 100 * (at % 2) + random.integer(100) : 90 * label + random.integer(110),
    ),
  )
  return createDataset({
    name: 'images',
    inputs: { type: 'uint8', dims: [labels.length, 1, 6, 6], data: Uint8Array.from(data) },
    labels: { type: 'int32', dims: [labels.length], data: Int32Array.from(labels) },
    classes: names,
    preprocessing: { scale: 1 / 255, mean: 0.4, std: 0.3 },
  })
}

/** As it is read from the file that it is written to. */
const exported = (normed: boolean): Model =>
  modelFromOnnx(
    modelToOnnx(
      network({
        ...{ name: 'small', inputDims: [1, 6, 6], classes: names.slice(0, 2), seed: 1 },
        layer: sequential({
          conv: conv2d(1, 4, 3, { bias: !normed }),
          ...(normed ? { norm: batchNorm2d(4) } : {}),
          relu: relu(),
          pool: globalAveragePool(),
          flat: flatten(),
          fc: linear(4, 2),
        }),
      }),
    ),
  )

const updated = (model: Model, given: Partial<UpdateOptions> & { readonly exemplars?: number } = {}) =>
  updateModel({
    ...{ engine, model, widened: widenHead(model, { classes: ['striped'], seed: 1 }), seed: 1 },
    data: {
      train: images(['striped'], 200, 1),
      heldOut: images(['striped'], 40, 2),
      exemplars: images(names.slice(0, 2), (given.exemplars ?? 640) / 2, 3),
      oldHeldOut: images(names.slice(0, 2), 100, 4),
    },
    ...{ budget: { maxDrop: 0.9 }, rungs: ['whole'], epochs: 2, learningRate: 1e-2 },
    ...given,
  })

const statistics = ['norm.running_mean', 'norm.running_var']

async function logits(model: Model, data: Dataset): Promise<Float32Array> {
  const judge = openJudge(engine, model, model.classes.length)
  return (await judge.logits(data).finally(() => judge.dispose())).data
}

describe('batch norms of a model that is updated', () => {
  const model = exported(true)

  test('are those of a model that was read to be trained, once they follow', async () => {
    expect(model.buffers.size).toBe(0)
    const followed = followNorms(model)
    expect([...followed.buffers.keys()]).toEqual(statistics)
    expect(followNorms(followed)).toBe(followed)
    const read = modelFromOnnx(modelToOnnx(model), { batchNorm: 'train' })
    expect([...followed.buffers]).toEqual([...read.buffers])
    const data = images(names, 5, 9)
    expect(await logits(followed, data)).toEqual(await logits(model, data))
  })

  test('follow where enough rows are trained on, and are written with the weights', async () => {
    const widened = widenHead(model, { classes: ['striped'], seed: 1 })
    const result = await updated(model)
    for (const name of statistics) {
      expect(result.parameters.get(name)).not.toEqual(followNorms(model).buffers.get(name))
    }
    const after = updatedModel({ model, widened }, result)
    const file = modelFromOnnx(withParameters(modelToOnnx(widened), result.parameters))
    const data = images(names, 5, 9)
    expect(await logits(file, data)).toEqual(await logits(after, data))
  })

  test.each([
    ['with few old rows', { exemplars: 200 }],
    ['where that is asked for', { batchNorm: 'fixed' }],
    ['with a method that holds weights', { method: 'ewc+replay' }],
    ['where a part trains', { select: { kind: 'last', layers: 2 } }],
  ] as const)('stay %s', async (_, given) => {
    const result = await updated(model, given as Partial<UpdateOptions>)
    for (const name of statistics) expect(result.parameters.has(name)).toBe(false)
  })

  test('that the export folded are put in for training, and folded back', async () => {
    const folded = exported(false)
    const result = await updated(folded)
    expect([...result.parameters.keys()]).toEqual([...folded.parameters.keys()])
    expect(result.parameters.get('conv.weight')).not.toEqual(folded.parameters.get('conv.weight'))
    const plain = await updated(folded, { batchNorm: 'fixed' })
    expect(result.path.end).not.toEqual(plain.path.end)
    expect(result.new.after).toBeGreaterThan(0.5)
  })
})
