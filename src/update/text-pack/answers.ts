import { itemAt } from '../../required.ts'
import { float16FromFloat32, float32FromFloat16 } from '../../tensor/half.ts'

/**
 * Log-probabilities as float16, rounded towards less: what is left to 1 beside them is then never below 0. A probability p is off by
 * |ln p| / 1024 of itself at most, so that 0.5 is by 0.0004 and 0.001 by 0.000007.
 */
export function float16Below(values: Float32Array): Uint16Array<ArrayBuffer> {
  const halves = float16FromFloat32(values)
  const back = float32FromFloat16(halves)
  for (const [at, value] of values.entries()) {
    // Of numbers below 0 the next smaller one has the next larger bits.
    if (itemAt(back, at, 'value') > value) halves[at] = itemAt(halves, at, 'value') + 1
  }
  return halves
}

/** The same numbers as float32. */
export const roundedBelow = (values: Float32Array): Float32Array<ArrayBuffer> =>
  float32FromFloat16(float16Below(values))
