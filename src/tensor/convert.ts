import { ModelError } from '../errors.ts'
import { bfloat16FromFloat32, float16FromFloat32, float32FromBfloat16, float32FromFloat16 } from './half.ts'
import { type DType, float32, type Tensor } from './tensor.ts'

/** Element types that hold real numbers and that training can read and write. */
export type FloatType = 'float32' | 'float64' | 'float16' | 'bfloat16'

export const isFloatType = (type: DType): type is FloatType =>
  type === 'float32' || type === 'float64' || type === 'float16' || type === 'bfloat16'

/** The same values as float32, exact for the 16-bit types; a float32 tensor comes back itself. */
export function floatsOf(tensor: Tensor<FloatType>): Tensor<'float32'> {
  const { type, dims, data } = tensor
  switch (type) {
    case 'float16':
      return float32(dims, float32FromFloat16(data as Uint16Array))
    case 'bfloat16':
      return float32(dims, float32FromBfloat16(data as Uint16Array))
    case 'float64':
      return float32(dims, Float32Array.from(data as Float64Array))
    case 'float32':
      return tensor as Tensor<'float32'>
  }
}

/**
 * The same values in another type, rounded to nearest, ties to even.
 *
 * @throws ModelError `tensor-overflow` when a finite value is too large for the type.
 */
export function floatsAs<T extends FloatType>(tensor: Tensor<'float32'>, type: T, name: string): Tensor<T> {
  const { dims, data } = tensor
  const stored: Tensor<FloatType> =
    type === 'float32'
      ? tensor
      : type === 'float64'
        ? { type: 'float64', dims, data: Float64Array.from(data) }
        : type === 'float16'
          ? { type: 'float16', dims, data: float16FromFloat32(data) }
          : { type: 'bfloat16', dims, data: bfloat16FromFloat32(data) }
  if (type === 'float16' || type === 'bfloat16') {
    const back = floatsOf(stored).data
    const at = data.findIndex((value, index) => Number.isFinite(value) && !Number.isFinite(back[index]))
    if (at >= 0) {
      throw new ModelError(
        'tensor-overflow',
        `Parameter "${name}" is stored as ${type}, which cannot hold its element ${at}, ${data[at]}. Train with a lower learning rate, or convert the model to float32 first.`,
      )
    }
  }
  return stored as Tensor<T>
}
