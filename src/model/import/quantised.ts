import type { Node } from '../../onnx/graph.ts'
import { type FloatType, floatsOf, isFloatType } from '../../tensor/convert.ts'
import { float32, type Storage, sameDims, sizeOf, type Tensor, toNumbers } from '../../tensor/tensor.ts'

/** A weight that a file keeps as integers with a scale: what a DequantizeLinear node of constants reads. */
export interface Quantised {
  readonly values: Tensor
  readonly scale: Tensor
  readonly zeroPoint: Tensor | undefined
  /** Dim that scales go along where there are several. */
  readonly axis: number
}

/** Bounds of the integer types that weights are kept in; those below a byte and float8 stay constants. */
const bounds: Readonly<Partial<Record<string, readonly [number, number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
  uint16: [0, 65_535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
}

/** What a DequantizeLinear node reads, if all of it is constant and of a kind that can be trained and kept again. */
export function quantisedWeight(
  node: Node,
  constant: (name: string) => Tensor | undefined,
): Quantised | undefined {
  const [x = '', s = '', z = ''] = node.inputs
  const values = constant(x)
  const scale = constant(s)
  const zeroPoint = z === '' ? undefined : constant(z)
  const { axis = 1, block_size: block = 0 } = node.attributes
  if (!values || !scale || (z !== '' && !zeroPoint) || typeof axis !== 'number' || block !== 0)
    return undefined
  if (!bounds[values.type] || !isFloatType(scale.type)) return undefined
  const from = axis < 0 ? axis + values.dims.length : axis
  const one = sizeOf(scale.dims) === 1
  if (!one && !sameDims(scale.dims, [values.dims[from] ?? 0])) return undefined
  return { values, scale, zeroPoint, axis: from }
}

/** (values - zero point) * scale */
export function dequantised({ values, scale, zeroPoint, axis }: Quantised): Tensor<'float32'> {
  const { channel } = channels(values.dims, axis, sizeOf(scale.dims))
  const scales = floatsOf(scale as Tensor<FloatType>).data
  const zeros = zeroPoint ? toNumbers(zeroPoint) : []
  const data = toNumbers(values).map((value, at) => {
    const of = channel(at)
    return (value - (zeros[of] ?? 0)) * (scales[of] ?? 0)
  })
  return float32(values.dims, data)
}

/**
 * Float values as the integers that lie nearest, with the zero points that were there. A scale grows where a value has
 * left the range of its integers, else it stays, so that weights that did not move come out as they were.
 */
export function requantised(
  weight: Tensor<'float32'>,
  { values, scale, zeroPoint, axis }: Quantised,
): { readonly values: Tensor; readonly scale: Tensor<'float32'> } {
  const [low, high] = bounds[values.type] ?? [0, 0]
  const { channel } = channels(values.dims, axis, sizeOf(scale.dims))
  const zeros = zeroPoint ? toNumbers(zeroPoint) : []
  const scales = floatsOf(scale as Tensor<FloatType>).data.slice()
  for (const [at, value] of weight.data.entries()) {
    const of = channel(at)
    const zero = zeros[of] ?? 0
    const reach = value < 0 ? low - zero : high - zero
    // Half a step beyond the range still rounds into it.
    const needed = reach === 0 ? 0 : value / (reach + Math.sign(reach) * 0.49)
    scales[of] = Math.max(scales[of] ?? 0, needed)
  }
  const data = (values.data as Storage['int8']).slice()
  for (const [at, value] of weight.data.entries()) {
    const of = channel(at)
    const rounded = Math.round(value / (scales[of] || 1)) + (zeros[of] ?? 0)
    data[at] = Math.min(high, Math.max(low, rounded))
  }
  return { values: { ...values, data }, scale: float32(scale.dims, scales) }
}

/** Which scale an element takes, by its place in row-major order. */
function channels(dims: readonly number[], axis: number, count: number): { channel: (at: number) => number } {
  if (count === 1) return { channel: () => 0 }
  const inner = sizeOf(dims.slice(axis + 1))
  return { channel: (at) => Math.floor(at / inner) % count }
}
