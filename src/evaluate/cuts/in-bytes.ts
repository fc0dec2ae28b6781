import { asStored, type Preprocessing } from '../../data/dataset.ts'
import { DataError } from '../../errors.ts'
import { sizeOf, type Tensor } from '../../tensor/tensor.ts'

const STEPS = 255

/**
 * Values in 256 steps between the least and the largest of their channel (axis 1), and the preprocessing that makes the
 * values of them again: (stored - mean) / std.
 *
 * @param values float32 [N, C, ...]
 * @throws DataError `activations-range` for a value that is not finite.
 */
export function inBytes(values: Tensor<'float32'>): {
  inputs: Tensor<'uint8'>
  preprocessing: Preprocessing
} {
  const [rows = 0, channels = 1] = values.dims
  const inner = sizeOf(values.dims.slice(2))
  const data = new Uint8Array(values.data.length)
  const std = new Array<number>(channels)
  const mean = new Array<number>(channels)
  const width = channels * inner
  for (let channel = 0; channel < channels; channel++) {
    const { least, most } = rangeOf(values.data, { rows, width, from: channel * inner, inner })
    const scale = most > least ? STEPS / (most - least) : 1
    std[channel] = scale
    mean[channel] = -least * scale
    for (let row = 0; row < rows; row++) {
      const from = row * width + channel * inner
      for (let at = from; at < from + inner; at++) {
        data[at] = Math.round(((values.data[at] ?? 0) - least) * scale)
      }
    }
  }
  return { inputs: { type: 'uint8', dims: values.dims, data }, preprocessing: { ...asStored, mean, std } }
}

interface Channel {
  readonly rows: number
  readonly width: number
  readonly from: number
  readonly inner: number
}

function rangeOf(data: Float32Array, { rows, width, from, inner }: Channel) {
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (let row = 0; row < rows; row++) {
    for (let at = row * width + from; at < row * width + from + inner; at++) {
      const value = data[at] ?? Number.NaN
      if (!Number.isFinite(value)) {
        throw new DataError(
          'activations-range',
          `The activations hold ${value}, which 256 steps cannot stand for. Store them as float32.`,
        )
      }
      if (value < least) least = value
      if (value > most) most = value
    }
  }
  return rows === 0 ? { least: 0, most: 0 } : { least, most }
}
