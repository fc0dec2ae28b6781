import { asStored, type Dataset, samples } from '../../data/dataset.ts'
import { float32FromFloat16 } from '../../tensor/half.ts'
import { float32, sizeOf, type Tensor, toNumbers } from '../../tensor/tensor.ts'

/** Stored activations as the float32 values that they stand for: what the layers above read of them. */
export function inFloats(activations: Dataset): Dataset {
  const { inputs, preprocessing } = activations
  const { scale, mean, std } = preprocessing
  const values = valuesOf(inputs)
  const [, channels = 1] = inputs.dims
  const inner = sizeOf(inputs.dims.slice(2))
  const of = (given: number | readonly number[], channel: number) =>
    typeof given === 'number' ? given : (given[channel] ?? 0)
  const data = new Float32Array(values.length)
  for (let row = 0, at = 0; row < samples(activations); row++) {
    for (let channel = 0; channel < channels; channel++) {
      const [centre, width] = [Math.fround(of(mean, channel)), Math.fround(of(std, channel))]
      for (const end = at + inner; at < end; at++)
        data[at] = Math.fround(Math.fround((values[at] ?? 0) * scale) - centre) / width
    }
  }
  return { ...activations, inputs: float32(inputs.dims, data), preprocessing: asStored }
}

const valuesOf = (inputs: Tensor): ArrayLike<number> =>
  inputs.type === 'float16' ? float32FromFloat16(inputs.data as Uint16Array) : toNumbers(inputs)
