import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bfloat16FromFloat32, float16FromFloat32, float32FromBfloat16, float32FromFloat16 } from './half.ts'

const toHalf = (value: number) => float16FromFloat32(Float32Array.of(value))[0]
const toBrain = (value: number) => bfloat16FromFloat32(Float32Array.of(value))[0]
const every = Uint16Array.from({ length: 65536 }, (_, index) => index)

describe('float16', () => {
  it('has the bits of IEEE 754 at the corners', () => {
    expect(toHalf(1)).toBe(0x3c00)
    expect(toHalf(-2)).toBe(0xc000)
    expect(toHalf(65504)).toBe(0x7bff)
    expect(toHalf(65519)).toBe(0x7bff)
    expect(toHalf(65520)).toBe(0x7c00)
    expect(toHalf(Number.NEGATIVE_INFINITY)).toBe(0xfc00)
    expect(toHalf(-0)).toBe(0x8000)
    expect(toHalf(2 ** -14)).toBe(0x0400)
    expect(toHalf(2 ** -24)).toBe(0x0001)
    expect(toHalf(1 - 2 ** -13)).toBe(0x3c00)
  })

  it('rounds ties to even, subnormals too', () => {
    expect(toHalf(1 + 2 ** -11)).toBe(0x3c00)
    expect(toHalf(1 + 3 * 2 ** -11)).toBe(0x3c02)
    expect(toHalf(2 ** -25)).toBe(0x0000)
    expect(toHalf(3 * 2 ** -25)).toBe(0x0002)
    expect(toHalf(1.1 * 2 ** -25)).toBe(0x0001)
    expect(toHalf(2 ** -14 - 2 ** -26)).toBe(0x0400)
  })

  it('comes back from float32 with the same bits, for every float16', () => {
    const back = float16FromFloat32(float32FromFloat16(every))
    for (const half of every) {
      const notANumber = (half & 0x7fff) > 0x7c00
      if (notANumber) expect((back[half] ?? 0) & 0x7fff).toBeGreaterThan(0x7c00)
      else if (back[half] !== half) expect(back[half]).toBe(half)
    }
  })

  it('picks the nearest float16', () => {
    const values = float32FromFloat16(every)
      .filter((value) => Number.isFinite(value))
      .sort()
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (value) => {
        const rounded = float32FromFloat16(float16FromFloat32(Float32Array.of(value)))[0] ?? Number.NaN
        const position = values.findIndex((candidate) => candidate >= value)
        const nearest = Math.min(
          Math.abs((values[position] ?? 0) - value),
          Math.abs((values[Math.max(position - 1, 0)] ?? 0) - value),
        )
        expect(Math.abs(rounded - value)).toBe(nearest)
      }),
      { numRuns: 50 },
    )
  })
})

describe('bfloat16', () => {
  it('rounds to nearest even and keeps infinities and NaN', () => {
    expect(toBrain(1)).toBe(0x3f80)
    expect(toBrain(1 + 2 ** -8)).toBe(0x3f80)
    expect(toBrain(1 + 3 * 2 ** -8)).toBe(0x3f82)
    expect(toBrain(3.4e38)).toBe(0x7f80)
    expect(toBrain(Number.NEGATIVE_INFINITY)).toBe(0xff80)
    const nan = new Float32Array(Uint32Array.of(0x7f800001).buffer)
    expect(float32FromBfloat16(bfloat16FromFloat32(nan))[0]).toBeNaN()
  })

  it('comes back from float32 with the same bits, for every bfloat16 that is a number', () => {
    const back = bfloat16FromFloat32(float32FromBfloat16(every))
    expect(every.filter((half) => back[half] !== half && (half & 0x7fff) <= 0x7f80)).toHaveLength(0)
  })
})
