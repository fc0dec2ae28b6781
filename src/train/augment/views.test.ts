import { describe, expect, it } from 'vitest'
import { engine } from '../../../test/toy-learning.ts'
import { drawAugment } from '../../data/augment/index.ts'
import { createDataset, type Dataset, samples, subset } from '../../data/dataset.ts'
import { required } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, toNumbers } from '../../tensor/tensor.ts'
import { augmentedViews } from './views.ts'

function images(rows: number): Dataset {
  const random = randomStream(1, 'images')
  return createDataset({
    name: 'noise',
    inputs: {
      type: 'uint8',
      dims: [rows, 3, 2, 4],
      data: Uint8Array.from({ length: rows * 24 }, () => 1 + random.integer(255)),
    },
    labels: { type: 'int32', dims: [rows], data: Int32Array.from({ length: rows }, (_, at) => at % 2) },
    classes: ['even', 'odd'],
  })
}
const rowOf = (dataset: Dataset, row: number) => toNumbers(dataset.inputs).slice(row * 24, (row + 1) * 24)
const flipped = (pixels: readonly number[]) =>
  pixels.map((_, at) => pixels[at - (at % 4) + 3 - (at % 4)] ?? Number.NaN)

describe('views', () => {
  it('are all rows as one view has them, then all as the next has them', async () => {
    // More rows than go through the graph together, and no multiple of them.
    const dataset = images(70)
    const found = await augmentedViews(engine, dataset, { flip: 0.5 }, { views: 3, seed: 2 })
    expect(found).toMatchObject({ inputs: { type: 'uint8', dims: [210, 3, 2, 4] }, classes: ['even', 'odd'] })
    const labels = toNumbers(dataset.labels)
    expect(toNumbers(found.labels)).toEqual([...labels, ...labels, ...labels])
    const ways = Array.from({ length: 210 }, (_, at) => {
      const [row, view] = [rowOf(dataset, at % 70), rowOf(found, at)]
      return view.join() === row.join() ? 'kept' : view.join() === flipped(row).join() ? 'flipped' : 'other'
    })
    expect(new Set(ways)).toEqual(new Set(['kept', 'flipped']))
    expect(ways.slice(0, 70)).not.toEqual(ways.slice(70, 140))
    expect(ways.slice(70, 140)).not.toEqual(ways.slice(140))
  })

  it('of a row are told by seed, view and row alone', async () => {
    const dataset = images(20)
    const spec = { flip: 0.5, crop: 1, colour: 0.3, cutout: 1 }
    const both = await augmentedViews(engine, dataset, spec, { views: 2, seed: 5 })
    const one = await augmentedViews(engine, dataset, spec, { seed: 5 })
    expect(toNumbers(both.inputs).slice(0, 480)).toEqual(toNumbers(one.inputs))
    const fewer = await augmentedViews(engine, subset(dataset, Int32Array.of(0, 1, 2)), spec, { seed: 5 })
    expect(toNumbers(fewer.inputs)).toEqual(toNumbers(one.inputs).slice(0, 72))
    const other = await augmentedViews(engine, dataset, spec, { seed: 6 })
    expect(toNumbers(other.inputs)).not.toEqual(toNumbers(one.inputs))
  })

  it('keep floats as floats, and rows as they are where nothing is asked for', async () => {
    const { inputs, ...rest } = images(3)
    const floats = {
      ...rest,
      inputs: float32(
        inputs.dims,
        toNumbers(inputs).map((value) => value / 255),
      ),
    }
    const found = await augmentedViews(engine, floats, { flip: 1 }, { seed: 1 })
    expect(found.inputs.type).toBe('float32')
    expect(rowOf(found, 1)).toEqual(flipped(rowOf(floats, 1)))
    const same = await augmentedViews(engine, floats, {}, { views: 2, seed: 1 })
    expect(toNumbers(same.inputs)).toEqual([...toNumbers(floats.inputs), ...toNumbers(floats.inputs)])
    const none = await augmentedViews(engine, subset(images(2), new Int32Array()), { flip: 1 }, { seed: 1 })
    expect(samples(none)).toBe(0)
  })

  it('round colours, and change them', async () => {
    const grey = images(40)
    const half = { ...grey, inputs: { ...grey.inputs, data: new Uint8Array(40 * 24).fill(101) } } as Dataset
    const found = await augmentedViews(engine, half, { colour: 0.5 }, { seed: 1 })
    const values = Array.from({ length: 40 }, (_, row) => rowOf(found, row)[0] ?? 0)
    const draws = drawAugment({
      ...{ spec: { colour: 0.5 }, image: { height: 2, width: 4 } },
      parts: [{ size: 40, augmented: true, mixed: false }],
      batches: [(purpose) => randomStream(1, `views/0/${purpose}`)],
    })
    const factors = toNumbers(required(draws, 'colour', 'column'))
    // Only brightness changes an even grey: the sum of the three factors.
    const expected = values.map((_, row) =>
      Math.round(101 * factors.slice(3 * row, 3 * row + 3).reduce((sum, factor) => sum + factor, 0)),
    )
    expect(values).toEqual(expected)
    expect(new Set(values).size).toBeGreaterThan(20)
  })

  it.each([
    [{ mixup: 0.2 }, 1, 'two labels'],
    [{ flip: 0.5 }, 0, 'a whole number from 1 on, and 0 was given'],
    [{ flip: 0.5 }, 1.5, '1.5 was given'],
  ])('by %j, %s of them, are refused', async (spec, views, problem) => {
    await expect(augmentedViews(engine, images(2), spec, { views, seed: 1 })).rejects.toThrow(
      expect.objectContaining({ code: 'augment-views', message: expect.stringContaining(problem) }),
    )
  })
})
