import { count } from '../count.ts'
import type { Dataset } from '../data/dataset.ts'
import { DataError } from '../errors.ts'
import { itemAt } from '../required.ts'
import { sizeOf, type Tensor } from '../tensor/tensor.ts'

interface Pixels {
  readonly data: Uint8Array
  readonly dims: readonly number[]
  readonly rows: number
  readonly height: number
  readonly width: number
}

function pixelsOf(dataset: Dataset): Pixels {
  const { type, dims, data } = dataset.inputs
  const [height, width] = dims.slice(-2)
  if (type !== 'uint8' || dims.length < 3 || height === undefined || width === undefined) {
    throw new DataError(
      'data-not-images',
      `Data set '${dataset.name}': expected images, uint8 [N, H, W] or [N, C, H, W], found ${type} [${dims.join(', ')}].`,
    )
  }
  return { data: data as Uint8Array, dims, rows: itemAt(dims, 0, 'axis'), height, width }
}

function withPixels(dataset: Dataset, dims: readonly number[], data: Uint8Array): Dataset {
  const inputs: Tensor = { type: 'uint8', dims, data }
  return { ...dataset, inputs }
}

/**
 * Images with a black border, so that they are `size` x `size` pixels with the old image in the middle (28 to 32: two pixels
 * on each side).
 *
 * @throws DataError `data-not-images`, or `image-size` when they are larger than `size`.
 */
export function padImages(dataset: Dataset, size: number): Dataset {
  const { data, dims, height, width } = pixelsOf(dataset)
  if (!Number.isInteger(size) || size < height || size < width) {
    throw new DataError(
      'image-size',
      `Images of ${width} x ${height} pixels cannot be padded to ${size} x ${size}.`,
    )
  }
  const images = sizeOf(dims.slice(0, -2))
  const top = Math.floor((size - height) / 2)
  const left = Math.floor((size - width) / 2)
  const padded = new Uint8Array(images * size * size)
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < height; row++) {
      const from = (image * height + row) * width
      padded.set(data.subarray(from, from + width), (image * size + top + row) * size + left)
    }
  }
  return withPixels(dataset, [...dims.slice(0, -2), size, size], padded)
}

/**
 * Images whose values have changed places: value j of the new image is value `order[j]` of the old one. Dims stay.
 *
 * @throws DataError `data-not-images`, or `image-size` when `order` has another length than an image has values.
 */
export function permutePixels(dataset: Dataset, order: Int32Array): Dataset {
  const { data, dims, rows } = pixelsOf(dataset)
  const values = sizeOf(dims.slice(1))
  if (order.length !== values) {
    throw new DataError(
      'image-size',
      `A permutation of ${count(order.length, 'place')} does not fit images of ${count(values, 'value')}.`,
    )
  }
  const permuted = new Uint8Array(data.length)
  for (let row = 0, at = 0; row < rows; row++) {
    const base = row * values
    for (let j = 0; j < values; j++) permuted[at++] = data[base + (order[j] ?? 0)] ?? 0
  }
  return withPixels(dataset, dims, permuted)
}

/**
 * Images turned about their middle by `degrees`, anticlockwise as seen, with bilinear interpolation; what comes in from
 * outside is black. Angles of whole turns give the same values back.
 *
 * @throws DataError `data-not-images`.
 */
export function rotateImages(dataset: Dataset, degrees: number): Dataset {
  const { data, dims, height, width } = pixelsOf(dataset)
  const plane = height * width
  const { sources, weights } = rotationTable(height, width, degrees)
  const images = sizeOf(dims.slice(0, -2))
  const rotated = new Uint8Array(data.length)
  for (let image = 0; image < images; image++) {
    const base = image * plane
    for (let pixel = 0; pixel < plane; pixel++) {
      let sum = 0
      for (let corner = 4 * pixel; corner < 4 * pixel + 4; corner++) {
        sum += (data[base + (sources[corner] ?? 0)] ?? 0) * (weights[corner] ?? 0)
      }
      rotated[base + pixel] = Math.round(sum)
    }
  }
  return withPixels(dataset, dims, rotated)
}

/** For each pixel of the turned image the four old pixels around its place, and their weights (0 outside the image). */
function rotationTable(
  height: number,
  width: number,
  degrees: number,
): { sources: Int32Array; weights: Float64Array } {
  const [cos, sin] = cosineAndSine(degrees)
  const sources = new Int32Array(4 * height * width)
  const weights = new Float64Array(4 * height * width)
  const middleX = (width - 1) / 2
  const middleY = (height - 1) / 2
  let at = 0
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      // The inverse turn, in coordinates with y downwards.
      const dx = column - middleX
      const dy = row - middleY
      const x = middleX + cos * dx - sin * dy
      const y = middleY + sin * dx + cos * dy
      const left = Math.floor(x)
      const top = Math.floor(y)
      for (const [cornerX, cornerY] of [
        [left, top],
        [left + 1, top],
        [left, top + 1],
        [left + 1, top + 1],
      ] as const) {
        const inside = cornerX >= 0 && cornerX < width && cornerY >= 0 && cornerY < height
        sources[at] = inside ? cornerY * width + cornerX : 0
        weights[at] = inside ? (1 - Math.abs(x - cornerX)) * (1 - Math.abs(y - cornerY)) : 0
        at++
      }
    }
  }
  return { sources, weights }
}

/** Exact at quarter turns, where Math.cos leaves 6e-17. */
function cosineAndSine(degrees: number): readonly [number, number] {
  const turn = ((degrees % 360) + 360) % 360
  const exact = new Map<number, readonly [number, number]>([
    [0, [1, 0]],
    [90, [0, 1]],
    [180, [-1, 0]],
    [270, [0, -1]],
  ]).get(turn)
  return exact ?? [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)]
}
