import { describe, expect, test } from 'vitest'
import { createDataset, type Dataset } from '../src/data/dataset.ts'
import { activationsAt, convStatistics, cutsOf, modelAbove } from '../src/evaluate/cuts/index.ts'
import { openReader } from '../src/evaluate/reader.ts'
import { none } from '../src/methods/none.ts'
import { foldedConvs, foldNorms, withNorms } from '../src/model/adapters/index.ts'
import { cnn } from '../src/model/layers/networks.ts'
import type { Model } from '../src/model/model.ts'
import { itemAt, required } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'
import { sgd } from '../src/train/step/optimisers.ts'
import { fineTune } from '../src/update/recipes/fine-tune.ts'
import { families, readFamily } from './families.ts'
import { engine } from './op-cases.ts'

const family = required(new Map(families.map((each) => [each.name, each])), 'resnet-folded', 'family')
const { model } = readFamily(family)

function images(seed: number, scale = 1, shift = 0): Dataset {
  const inputs = float32([12, 3, 64, 64])
  randomStream(seed, 'images').fillNormal(inputs.data)
  for (let at = 0; at < inputs.data.length; at++) inputs.data[at] = scale * (inputs.data[at] ?? 0) + shift
  const labels = {
    type: 'int32' as const,
    dims: [12],
    data: Int32Array.from({ length: 12 }, (_, row) => row % 5),
  }
  return createDataset({ name: 'images', inputs, labels, classes: model.classes })
}

const data = images(1)
const cut = itemAt(cutsOf(model, [3, 64, 64]), 2, 'cut')
const above = modelAbove(model, cut)

async function logitsOf(of: Model, dataset: Dataset): Promise<Tensor<'float32'>> {
  const reader = openReader(engine, of, of.classes.length)
  return await reader.logits(dataset).finally(() => reader.dispose())
}

const farthest = (a: Tensor<'float32'>, b: Tensor<'float32'>): number =>
  Math.max(...a.data.map((value, at) => Math.abs(value - (b.data[at] ?? Number.NaN))))

const train = (of: Model, dataset: Dataset, iterations: number) =>
  fineTune({
    ...{ engine, model: of, train: dataset, method: none(), settings: { optimiser: sgd() } },
    ...{ iterations, batchSize: 12, learningRate: 0.05, seed: 1 },
  })

describe('batch norms of an export that folded them', () => {
  test('are looked for behind convolutions above the cut, before an activation or a sum', () => {
    const names = foldedConvs(above).map(({ weight }) => weight)
    expect(names).toHaveLength(8)
    expect(names.every((name) => cut.above.parameters.includes(name))).toBe(true)
    expect(foldedConvs(cnn({ channels: [4, 4], classes: 3, inputDims: [3, 8, 8] }))).toEqual([])
  })

  test('change no answer at inference, and fold back bit for bit', async () => {
    const activations = await activationsAt(engine, model, cut, data)
    const normed = withNorms(above, await convStatistics(engine, above, activations))
    expect(normed.buffers.size).toBe(16)
    const others = await activationsAt(engine, model, cut, images(2, 2, 0.5))
    const whole = await logitsOf(above, others)
    expect(farthest(await logitsOf(normed, others), whole)).toBeLessThan(
      1e-4 * Math.max(...whole.data.map(Math.abs)),
    )
    expect(foldNorms(above, normed.parameters, normed.buffers)).toEqual(above.parameters)
  })

  test('start with the statistics of the rows', async () => {
    const activations = await activationsAt(engine, model, cut, data)
    const statistics = await convStatistics(engine, above, activations)
    const [output = '', found] = [...statistics][0] ?? []
    const reader = openReader(engine, { ...above, output }, 1)
    const { dims, data: values } = await reader.logits(activations).finally(() => reader.dispose())
    const [rows = 0, channels = 0] = dims
    const positions = values.length / rows / channels
    for (let channel = 0; channel < channels; channel++) {
      const own = values.filter((_, at) => Math.floor(at / positions) % channels === channel)
      const mean = own.reduce((sum, value) => sum + value, 0) / own.length
      const variance = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length
      expect(found?.mean[channel]).toBeCloseTo(mean, 4)
      expect(found?.variance[channel]).toBeCloseTo(variance, 4)
    }
  })

  test('follow the batch in training, and fold back into what was learned', async () => {
    const activations = await activationsAt(engine, model, cut, data)
    const normed = withNorms(above, await convStatistics(engine, above, activations))
    const other = await activationsAt(engine, model, cut, images(3, 3, 1))
    const after = await train(normed, other, 5)
    const [mean = ''] = normed.buffers.keys()
    expect(after.buffers.get(mean)?.data).not.toEqual(normed.buffers.get(mean)?.data)
    const learned = { ...normed, parameters: after.parameters, buffers: after.buffers }
    const folded = foldNorms(above, after.parameters, after.buffers)
    expect([...folded.keys()].sort()).toEqual([...above.parameters.keys()].sort())
    for (const [name, { dims }] of folded) expect(dims, name).toEqual(above.parameters.get(name)?.dims)
    const found = await logitsOf({ ...above, parameters: folded }, other)
    const wanted = await logitsOf(learned, other)
    expect(farthest(found, wanted)).toBeLessThan(1e-4 * Math.max(...wanted.data.map(Math.abs)))
    expect(farthest(wanted, await logitsOf(above, other))).toBeGreaterThan(1e-2)
    // And so they stand in the whole model.
    const back = { ...model, parameters: new Map([...model.parameters, ...folded]) }
    expect(farthest(await logitsOf(back, images(3, 3, 1)), wanted)).toBeLessThan(
      1e-4 * Math.max(...wanted.data.map(Math.abs)),
    )
  })

  test('give in training the same, however the input is scaled', async () => {
    const [first] = await convStatistics(engine, model, data)
    const normed = withNorms(model, new Map(first ? [first] : []))
    const [conv] = foldedConvs(model)
    /** How far a step on rows lands from one on the same rows times four, but for the convolution that reads them. */
    const apart = async (of: Model) => {
      const [one, other] = [await train(of, images(5), 1), await train(of, images(5, 4), 1)]
      return Math.max(
        ...[...one.parameters]
          .filter(([name]) => name !== conv?.weight && name !== conv?.bias)
          .map(([name, tensor]) =>
            farthest(
              tensor as Tensor<'float32'>,
              required(other.parameters, name, 'parameter') as Tensor<'float32'>,
            ),
          ),
      )
    }
    expect(await apart(normed)).toBeLessThan((await apart(model)) / 50)
  })
})
