import { describe, expect, it } from 'vitest'
import { createDataset } from '../dataset.ts'
import { checkAugment, imageForm } from './image.ts'

const images = (dims: readonly number[], more: object = {}) =>
  createDataset({
    name: 'images',
    inputs: { type: 'uint8', dims: [1, ...dims], data: new Uint8Array(dims.reduce((a, b) => a * b, 1)) },
    labels: { type: 'int32', dims: [1], data: Int32Array.of(0) },
    classes: ['one'],
    ...more,
  })

describe('images', () => {
  it('have their channels first or last', () => {
    const first = { type: 'uint8', channels: 3, height: 8, width: 9, channelAxis: 1 }
    expect(imageForm(images([3, 8, 9]))).toEqual(first)
    expect(imageForm(images([8, 9, 3]))).toEqual({ ...first, channelAxis: 3 })
    const marked = images([3, 9, 3], { preprocessing: { scale: 1, mean: 0, std: [1, 1, 1], channelAxis: 3 } })
    expect(imageForm(marked)).toMatchObject({ height: 3, width: 9, channelAxis: 3 })
    expect(imageForm(images([12, 8, 9]))).toBeUndefined()
    expect(imageForm(images([72]))).toBeUndefined()
  })

  const floats = (dims: readonly number[]) => ({
    inputs: { type: 'float32', dims: [1, ...dims], data: new Float32Array(dims.reduce((a, b) => a * b, 1)) },
  })
  const several = { labels: { type: 'float32', dims: [1, 1], data: Float32Array.of(1) } }

  it.each([
    [{ flip: 1 }, images([72]), 'augmentation is for images, uint8 or float32 with up to 4 channels'],
    [
      { crop: 8 },
      images([3, 8, 9]),
      'crop:8 could shift all of an image out of sight, as the images are 9 x 8 pixels',
    ],
    [{ cutout: 9 }, images([3, 8, 9]), 'cutout:9 is larger than an image'],
    [{ colour: 0.2 }, images([2, 8, 9]), 'they are uint8 with 2'],
    [{ colour: 0.2 }, images([3, 8, 9], floats([3, 8, 9])), 'they are float32 with 3. Store them as bytes'],
    [{ mixup: 0.2 }, images([3, 8, 9], { ...several, kind: 'multi-label' }), 'the data are for multi-label'],
    [{ cutmix: 1 }, images([3, 8, 9], { ...several, kind: 'regression' }), 'the data are for regression'],
  ])('cannot be augmented by %j where they are otherwise', (spec, dataset, problem) => {
    expect(() => checkAugment(spec, dataset)).toThrow(
      expect.objectContaining({ code: 'augment-data', message: expect.stringContaining(problem) }),
    )
  })

  it('can be flipped and shifted whatever their labels and type', () => {
    const dataset = images([2, 8, 9], { ...several, ...floats([2, 8, 9]), kind: 'multi-label' })
    expect(checkAugment({ flip: 0.5, crop: 7, cutout: 8 }, dataset)).toMatchObject({ channels: 2 })
  })

  it('are not augmented by numbers out of range', () => {
    expect(() => checkAugment({ flip: 2 }, images([3, 8, 9]))).toThrow(
      expect.objectContaining({ code: 'augment' }),
    )
  })
})
