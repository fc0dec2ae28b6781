import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { unitPixels } from '../dataset.ts'
import { readDataset } from '../files.ts'
import { readingFor } from '../reading-files.ts'
import { flatAdvice, flatSize } from './flat-images.ts'
import { inputSpec } from './input-spec.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-flat-'))
})
afterEach(() => rm(root, { recursive: true }))

it('the size of images that are so many numbers', () => {
  expect(flatSize(588, [])).toEqual({ height: 14, width: 14, channels: 3 })
  expect(flatSize(784, [{ height: 30, width: 20 }])).toEqual({ height: 28, width: 28, channels: 1 })
  expect(flatSize(600, [{ height: 20, width: 10 }])).toEqual({ height: 20, width: 10, channels: 3 })
  expect(flatSize(600, [])).toBeUndefined()
  expect(flatAdvice(600, [])).toBe(
    'The model reads 600 numbers: bring the images to a size at which their pixels are as many.',
  )
})

/** Two images of different sizes, and how they are read for a model of so many numbers. */
async function read(numbers: number, holdfast?: string) {
  const image = (side: number) =>
    sharp({ create: { width: side, height: side + 2, channels: 3, background: 'white' } })
      .png()
      .toBuffer()
  for (const [name, side] of [
    ['a/0.png', 20],
    ['b/1.png', 12],
  ] as const) {
    const path = join(root, 'images', name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, await image(side))
  }
  if (holdfast) await writeFile(join(root, 'holdfast.json'), holdfast)
  const input = { type: 'float32', dims: ['batch', numbers] } as const
  const { options } = await readingFor({ path: join(root, 'model.onnx'), input })
  return (await readDataset(join(root, 'images'), options)).train
}

it('holdfast.json brings images to what a model of numbers reads, as the message says', async () => {
  const error: Error = await read(588).then(
    () => new Error('none'),
    (cause) => cause,
  )
  expect(error).toMatchObject({ code: 'image-size' })
  const said = /The model reads 588 numbers, as 14 x 14 pixels of 3 channels are\. [^{]*(\{.*\}\}); fit/.exec(
    error.message,
  )
  const train = await read(588, said?.[1])
  expect(train.inputs.dims).toEqual([2, 3, 14, 14])
  expect(train.preprocessing).toEqual(unitPixels)
  const grey = await read(196, said?.[1])
  expect(grey.inputs.dims).toEqual([2, 1, 14, 14])
  const scaled = await read(588, '{"resize": {"height": 14, "width": 14}, "scale": 2}')
  expect(scaled.preprocessing).toMatchObject({ scale: 2 })
})

it('a size of other numbers than the model reads is refused', () => {
  const facts = { type: 'float32', dims: ['batch', 588], folder: 'm' } as const
  const spec = (holdfast: object) => () => inputSpec({ ...facts, holdfast: JSON.stringify(holdfast) })
  expect(spec({ resize: { height: 28, width: 28 } })).toThrow(
    'm, holdfast.json: images of 28 x 28 pixels and 3 channels are 2352 numbers, but the model reads 588. Correct resize, crop or channels.',
  )
  expect(spec({ resize: { shortestEdge: 20 }, crop: { height: 14, width: 14 }, channels: 'grey' })).toThrow(
    '196 numbers',
  )
  expect(spec({ resize: { shortestEdge: 20 }, crop: { height: 14, width: 14 } })()).toMatchObject({
    image: { channels: 'rgb', crop: { height: 14, width: 14 } },
  })
})
