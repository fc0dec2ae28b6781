/** One float, seen as a number and as its bits. */
const one = new Float32Array(1)
const bits = new Uint32Array(one.buffer)

/**
 * float32 to the bits of float16 (IEEE 754 binary16), rounded to nearest, ties to even. What is too large becomes
 * infinite, what is small subnormal or zero; NaN stays NaN.
 */
export function float16FromFloat32(values: Float32Array): Uint16Array<ArrayBuffer> {
  const result = new Uint16Array(values.length)
  for (let index = 0; index < values.length; index++) result[index] = float16Bits(values[index] ?? 0)
  return result
}

/** The bits of float16 to float32; exact. */
export function float32FromFloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(halves.length)
  for (let index = 0; index < halves.length; index++) values[index] = float16Value(halves[index] ?? 0)
  return values
}

/** float32 to the bits of bfloat16 (the upper half of a float32), rounded to nearest, ties to even; NaN stays NaN. */
export function bfloat16FromFloat32(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.slice().buffer)
  const result = new Uint16Array(values.length)
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? 0
    const notANumber = (word & 0x7fffffff) > 0x7f800000
    // Rounding could carry a NaN's payload away and leave infinity: such a NaN is made quiet instead.
    result[index] = notANumber ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
  }
  return result
}

/** The bits of bfloat16 to float32; exact. */
export function float32FromBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(halves.length)
  for (let index = 0; index < halves.length; index++) words[index] = (halves[index] ?? 0) << 16
  return new Float32Array(words.buffer)
}

function float16Bits(value: number): number {
  one[0] = value
  const word = bits[0] ?? 0
  const sign = (word >>> 16) & 0x8000
  const magnitude = word & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff)
  // 65520 lies halfway between the largest float16 and the next power of two.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // Below 2^-14 float16 counts in steps of 2^-24; multiples of it up to 1024 are whole numbers to round.
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(one[0] ?? 0) * 2 ** 24)
  const rebiased = magnitude - 0x38000000
  return sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13)
}

function roundHalfEven(value: number): number {
  const down = Math.floor(value)
  const rest = value - down
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down
}

function float16Value(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >>> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
  return sign * (1024 + fraction) * 2 ** (exponent - 25)
}
