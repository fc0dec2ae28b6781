import type { Node } from '../../onnx/graph.ts'
import { itemAt, present } from '../../required.ts'
import { type FloatType, floatsAs, floatsOf, isFloatType } from '../../tensor/convert.ts'
import { neighbour } from '../../tensor/neighbours.ts'
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
  if (!one && !sameDims(scale.dims, [itemAt(values.dims, from, 'axis')])) return undefined
  return { values, scale, zeroPoint, axis: from }
}

/** (values - zero point) * scale, rounded as the runtime does: the difference to float32, the product to the scale's type. */
export function dequantised({ values, scale, zeroPoint, axis }: Quantised): Tensor<'float32'> {
  const { channel } = channels(values.dims, axis, sizeOf(scale.dims))
  const scales = floatsOf(scale as Tensor<FloatType>).data
  const zeros = zerosOf(zeroPoint, scales.length)
  const data = toNumbers(values).map((value, at) => {
    const of = channel(at)
    return Math.fround(value - itemAt(zeros, of, 'zero point')) * itemAt(scales, of, 'scale')
  })
  return inType(float32(values.dims, data), scale.type as FloatType)
}

const inType = (tensor: Tensor<'float32'>, type: FloatType): Tensor<'float32'> =>
  floatsOf(floatsAs(tensor, type, 'a weight'))

const zerosOf = (zeroPoint: Tensor | undefined, channels: number): ArrayLike<number> =>
  zeroPoint ? toNumbers(zeroPoint) : new Float64Array(channels)

/** Float values as a file keeps them. */
export interface Requantised {
  readonly values: Tensor
  /** Of the type that it was of. */
  readonly scale: Tensor
  /** Where there was one. */
  readonly zeroPoint: Tensor | undefined
}

/**
 * Float values as the integers that lie nearest, with the zero points that were there. A scale grows where a value has left the range
 * of its integers, and no further than its type has to; else it stays, so that weights that did not move come out as they were. What
 * {@link dequantised} gives back comes out in the same bits when it is kept again.
 *
 * @param weight May have more channels than there were: a head that has learned classes. These take the first channel's zero point.
 * @throws ModelError `tensor-overflow` when a scale would be too large for its type.
 */
export function requantised(weight: Tensor<'float32'>, before: Quantised): Requantised {
  const { values, scale, axis } = before
  const { low, high } = boundsOf(values)
  const one = sizeOf(scale.dims) === 1
  const count = one ? 1 : itemAt(weight.dims, axis, 'dim')
  const zeros = widened(zerosOf(before.zeroPoint, sizeOf(scale.dims)), count)
  const type = scale.type as FloatType
  const scales = widened(floatsOf(scale as Tensor<FloatType>).data, count, 0)
  const { channel } = channels(weight.dims, axis, count)
  const reaches = (value: number, zero: number): number => (value < 0 ? zero - low : high - zero)
  for (const [at, value] of weight.data.entries()) {
    const of = channel(at)
    const reach = reaches(value, itemAt(zeros, of, 'zero point'))
    // Half a step beyond the range still rounds into it.
    if (reach > 0 && Math.abs(value) > (reach + 0.49) * itemAt(scales, of, 'scale')) {
      scales[of] = scaleFor(Math.abs(value), reach, type)
    }
  }
  const data = emptyLike(values, weight.data.length)
  for (const [at, value] of weight.data.entries()) {
    const of = channel(at)
    const rounded = Math.round(value / (itemAt(scales, of, 'scale') || 1)) + itemAt(zeros, of, 'zero point')
    data[at] = Math.min(high, Math.max(low, rounded))
  }
  const dims = one ? scale.dims : [count]
  return {
    values: { ...values, dims: weight.dims, data } as Tensor,
    scale: floatsAs(float32(dims, Float32Array.from(scales)), type, 'a scale'),
    zeroPoint: before.zeroPoint && withValues(before.zeroPoint, dims, zeros),
  }
}

function boundsOf({ type }: Tensor): { readonly low: number; readonly high: number } {
  const [low, high] = present(bounds[type], `range of ${type}`)
  return { low, high }
}

/** The values of as many channels: those that are new take `fresh`, by default what the first has. */
const widened = (own: ArrayLike<number>, count: number, fresh = itemAt(own, 0, 'channel')): Float64Array =>
  Float64Array.from({ length: count }, (_, of) => own[of] ?? fresh)

/**
 * The smallest scale of a type at which so many steps come to `value`, rounded. As it is the smallest, what is read back asks for the
 * same one.
 */
function scaleFor(value: number, reach: number, type: FloatType): number {
  const rounded = (number: number): number => itemAt(inType(float32([1], [number]), type).data, 0, 'number')
  const enough = (candidate: number): boolean => rounded(reach * candidate) >= value
  let scale = rounded(value / reach)
  while (!enough(scale)) scale = neighbour(scale, type, 1)
  for (let less = neighbour(scale, type, -1); scale > 0 && enough(less); less = neighbour(scale, type, -1))
    scale = less
  return scale
}

const emptyLike = ({ data }: Tensor, length: number): Storage['int8'] =>
  new (data.constructor as Int8ArrayConstructor)(length)

const withValues = (tensor: Tensor, dims: readonly number[], values: ArrayLike<number>): Tensor =>
  ({ ...tensor, dims, data: (tensor.data.constructor as Int8ArrayConstructor).from(values) }) as Tensor

/** Which scale an element takes, by its place in row-major order. */
function channels(dims: readonly number[], axis: number, count: number): { channel: (at: number) => number } {
  if (count === 1) return { channel: () => 0 }
  const inner = sizeOf(dims.slice(axis + 1))
  return { channel: (at) => Math.floor(at / inner) % count }
}
