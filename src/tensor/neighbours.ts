import { type FloatType, floatsAs, floatsOf } from './convert.ts'
import { float32 } from './tensor.ts'

const one = new Float32Array(1)
const bits = new Uint32Array(one.buffer)

/**
 * The next larger, or with `step` -1 the next smaller, number of a float type after a positive one that the type holds.
 * float64 counts as float32, whose numbers are all that training gives.
 *
 * @example neighbour(1, 'float16', 1) // 1 + 2 ** -10
 */
export function neighbour(value: number, type: FloatType, step: 1 | -1): number {
  one[0] = value
  // The bits of a 16-bit type are the upper ones of float32, or 13 fewer of the fraction; positive floats sort as their bits do.
  if (type === 'float16') return halfNeighbour(value, step)
  bits[0] = (bits[0] ?? 0) + step * (type === 'bfloat16' ? 0x10000 : 1)
  return one[0] ?? 0
}

function halfNeighbour(value: number, step: 1 | -1): number {
  const half = floatsAs(float32([1], [value]), 'float16', 'a scale')
  half.data[0] = (half.data[0] ?? 0) + step
  return floatsOf(half).data[0] ?? 0
}
