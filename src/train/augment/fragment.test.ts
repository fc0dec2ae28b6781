import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { engine } from '../../../test/toy-learning.ts'
import { GraphBuilder } from '../../autodiff/builder.ts'
import {
  type AugmentColumnName,
  type AugmentSpec,
  augmentColumns,
  imageForm,
} from '../../data/augment/index.ts'
import { asStored, type Preprocessing } from '../../data/dataset.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { required } from '../../required.ts'
import { float32, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { augment } from './fragment.ts'

type Drawn = Partial<Record<AugmentColumnName, readonly (readonly number[])[]>>

/** What the graph makes of images whose draws are given; draws that are left out are of rows that stay as they are. */
async function augmented(
  spec: AugmentSpec,
  images: Tensor,
  drawn: Drawn,
  preprocessing: Preprocessing = asStored,
): Promise<Tensor> {
  const image = imageForm({ inputs: images, preprocessing })
  if (!image) throw new Error('no image')
  const builder = new GraphBuilder()
  const batch = builder.input('batch', images)
  const tensors = new Map(
    augmentColumns(spec).map(({ name, type, still }) => {
      const rows = Array.from({ length: images.dims[0] ?? 0 }, (_, row) => drawn[name]?.[row] ?? still(row))
      const dims = [rows.length, rows[0]?.length ?? 0]
      const data = type === 'int32' ? Int32Array.from(rows.flat()) : Float32Array.from(rows.flat())
      return [name, { type, dims, data } as Tensor]
    }),
  )
  const draws = new Map([...tensors].map(([name, tensor]) => [name, builder.input(name, tensor)]))
  builder.output(augment(builder, batch, { spec, image, preprocessing, draws }), 'out')
  const executable = await engine.load(encodeGraph(builder.finish('augment')))
  const outputs = await executable.run(new Map<string, Tensor>([['batch', images], ...tensors]))
  await executable.dispose()
  return required(outputs, 'out', 'output')
}

const bytes = (dims: readonly number[], data: readonly number[]): Tensor => ({
  type: 'uint8',
  dims,
  data: Uint8Array.from(data),
})

/** Two channels of 2 x 3 pixels. */
const small = bytes([1, 2, 2, 3], [1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16])

describe('flips and shifts', () => {
  it('flips left to right, every channel alike, and keeps bytes', async () => {
    const found = await augmented({ flip: 1 }, small, { place: [[0, 2, -1]] })
    expect(found).toMatchObject({ type: 'uint8', dims: [1, 2, 2, 3] })
    expect(toNumbers(found)).toEqual([3, 2, 1, 6, 5, 4, 13, 12, 11, 16, 15, 14])
  })

  it('shifts, with black coming in', async () => {
    const down = await augmented({ crop: 1 }, small, { place: [[-1, 0, 1]] })
    expect(toNumbers(down)).toEqual([0, 0, 0, 1, 2, 3, 0, 0, 0, 11, 12, 13])
    const left = await augmented({ crop: 1 }, small, { place: [[0, 1, 1]] })
    expect(toNumbers(left)).toEqual([2, 3, 0, 5, 6, 0, 12, 13, 0, 15, 16, 0])
  })

  it('go row by row as a few lines of loops say, in both layouts', async () => {
    const sizes = { height: fc.integer({ min: 2, max: 4 }), width: fc.integer({ min: 2, max: 4 }) }
    const place = fc.record({
      flipped: fc.boolean(),
      down: fc.integer({ min: -2, max: 2 }),
      across: fc.integer({ min: -2, max: 2 }),
    })
    const cases = fc.record({
      ...sizes,
      channels: fc.constantFrom(1, 3),
      last: fc.boolean(),
      places: fc.array(place, { minLength: 1, maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ height, width, channels, last, places }) => {
        const dims = last
          ? [places.length, height, width, channels]
          : [places.length, channels, height, width]
        const offset = (row: number, c: number, y: number, x: number) =>
          last
            ? ((row * height + y) * width + x) * channels + c
            : ((row * channels + c) * height + y) * width + x
        const size = places.length * channels * height * width
        const data = Array.from({ length: size }, (_, at) => 1 + (at % 255))
        const expected = new Array<number>(size).fill(0)
        for (const [row, { flipped, down, across }] of places.entries()) {
          for (let c = 0; c < channels; c++) {
            for (let y = 0; y < height; y++) {
              for (let x = 0; x < width; x++) {
                const [fromY, fromX] = [y + down, (flipped ? width - 1 - x : x) + across]
                const outside = fromY < 0 || fromY >= height || fromX < 0 || fromX >= width
                if (!outside) expected[offset(row, c, y, x)] = data[offset(row, c, fromY, fromX)] ?? 0
              }
            }
          }
        }
        const found = await augmented(
          { flip: 0.5, crop: 1 },
          bytes(dims, data),
          {
            place: places.map(({ flipped, down, across }) =>
              flipped ? [down, across + width - 1, -1] : [down, across, 1],
            ),
          },
          last ? { ...asStored, channelAxis: 3 } : { ...asStored, channelAxis: 1 },
        )
        expect(toNumbers(found)).toEqual(expected)
      }),
      { numRuns: 40 },
    )
  })
})

describe('colour', () => {
  it('weighs a pixel, its grey and the mean grey, and keeps them in 0 to 255', async () => {
    // Two pixels, (100, 50, 200) and (0, 250, 10): greys 0.299 r + 0.587 g + 0.114 b.
    const pixels = bytes([1, 3, 1, 2], [100, 0, 50, 250, 200, 10])
    const greys = [29.9 + 29.35 + 22.8, 146.75 + 1.14]
    const mean = ((greys[0] ?? 0) + (greys[1] ?? 0)) / 2
    const factors = [1.5, 0.25, -0.5]
    const expected = [100, 0, 50, 250, 200, 10].map((value, at) => {
      const [a = 0, b = 0, c = 0] = factors
      return Math.min(255, Math.max(0, a * value + b * (greys[at % 2] ?? 0) + c * mean))
    })
    const found = await augmented({ colour: 0.5 }, pixels, { colour: [factors] })
    expect(found.type).toBe('float32')
    toNumbers(found).forEach((value, at) => {
      expect(value).toBeCloseTo(expected[at] ?? Number.NaN, 3)
    })
    expect(Math.min(...toNumbers(found))).toBe(0)
    expect(Math.max(...toNumbers(found))).toBe(255)
  })

  it('takes the only channel for grey', async () => {
    const found = await augmented({ colour: 0.5 }, bytes([1, 1, 1, 2], [10, 30]), {
      colour: [[1, 0.5, 0.25]],
    })
    expect(toNumbers(found)).toEqual([15 + 5, 45 + 5])
  })

  it('has the channels last where they are', async () => {
    const first = await augmented({ colour: 0.5 }, bytes([1, 3, 1, 2], [100, 0, 50, 250, 200, 10]), {
      colour: [[0.5, 0.25, 0.5]],
    })
    const last = await augmented(
      { colour: 0.5 },
      bytes([1, 1, 2, 3], [100, 50, 200, 0, 250, 10]),
      { colour: [[0.5, 0.25, 0.5]] },
      { ...asStored, channelAxis: 3 },
    )
    const [a, b, c, d, e, f] = toNumbers(first).map((value) => Math.fround(value))
    const turned = [a, c, e, b, d, f]
    toNumbers(last).forEach((value, at) => {
      expect(value).toBeCloseTo(turned[at] ?? Number.NaN, 4)
    })
  })
})

describe('cutout', () => {
  it('blanks a box with what becomes 0 once it is normalised', async () => {
    const preprocessing = { scale: 1 / 255, mean: [0.2, 0.4], std: 1 }
    const found = await augmented({ cutout: 2 }, small, { cutout: [[-1, 1, 1, 3]] }, preprocessing)
    expect(found.type).toBe('uint8')
    expect(toNumbers(found)).toEqual([1, 51, 51, 4, 5, 6, 11, 102, 102, 14, 15, 16])
  })

  it('is black where nothing is subtracted, and leaves rows alone that have no box', async () => {
    const two = float32([2, 1, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])
    const found = await augmented({ cutout: 1 }, two, { cutout: [[1, 2, 0, 1]] })
    expect(toNumbers(found)).toEqual([1, 2, 0, 4, 5, 6, 7, 8])
  })
})

describe('mixtures', () => {
  const three = float32([3, 1, 1, 2], [0, 10, 100, 110, 200, 210])

  it('are sums of two rows (mixup)', async () => {
    const found = await augmented({ mixup: 1 }, three, {
      partner: [[1], [2], [2]],
      share: [[0.75], [0.5], [1]],
      blend: [[0.75], [0.5], [1]],
    })
    expect(toNumbers(found)).toEqual([25, 35, 150, 160, 200, 210])
  })

  it('are rows with a box of another (CutMix)', async () => {
    const found = await augmented({ cutmix: 1 }, three, {
      partner: [[2], [0], [1]],
      share: [[0.5], [0.5], [1]],
      box: [
        [0, 1, 1, 2],
        [0, 1, 0, 1],
      ],
    })
    expect(toNumbers(found)).toEqual([0, 210, 0, 110, 200, 210])
  })

  it('are one or the other row by row, of rows that are not mixed yet', async () => {
    const found = await augmented({ mixup: 1, cutmix: 1 }, three, {
      partner: [[2], [0], [1]],
      share: [[0.5], [0.25], [1]],
      blend: [[1], [0.25], [1]],
      box: [[0, 1, 1, 2]],
    })
    expect(toNumbers(found)).toEqual([0, 210, 25, 35, 200, 210])
  })
})
