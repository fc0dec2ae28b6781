import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  byteLengthOf,
  byteLengthOfAll,
  bytesOf,
  sameElements,
  storageLengthOf,
  tensorFromBytes,
  zeros,
} from './bytes.ts'
import type { Tensor } from './tensor.ts'

describe('bytes of tensors', () => {
  it('counts packed types by bits and complex ones as pairs', () => {
    expect(byteLengthOf('int4', [3])).toBe(2)
    expect(byteLengthOf('uint2', [5])).toBe(2)
    expect(byteLengthOf('complex128', [2])).toBe(32)
    expect(storageLengthOf('complex128', [2])).toBe(4)
    expect(storageLengthOf('string', [2, 3])).toBe(6)
    expect(zeros('string', [2]).data).toEqual(['', ''])
    const tensors = [zeros('int4', [3]), zeros('string', [2]), zeros('float32', [2, 2])]
    expect(byteLengthOfAll(tensors)).toBe(18)
  })

  it('reads what was laid out, from any offset of a buffer', () => {
    fc.assert(
      fc.property(fc.array(fc.double()), fc.nat(9), fc.boolean(), (values, offset, pooled) => {
        const data = Float64Array.from(values)
        const bytes = bytesOf({ type: 'float64', dims: [data.length], data })
        const room = pooled ? Buffer.alloc(offset + bytes.length) : new Uint8Array(offset + bytes.length)
        room.set(bytes, offset)
        expect(tensorFromBytes('float64', [data.length], room.subarray(offset)).data).toEqual(data)
      }),
    )
  })

  it('are the same or not, bit by bit, wherever they lie', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(5), fc.nat(), (values, offset, place) => {
        const room = new Uint8Array(offset + values.length)
        room.set(values, offset)
        const dims = [values.length]
        const one: Tensor<'uint8'> = { type: 'uint8', dims, data: values }
        const other: Tensor<'uint8'> = { type: 'uint8', dims, data: room.subarray(offset) }
        expect(sameElements(one, other)).toBe(true)
        expect(sameElements(one, { ...other, type: 'bool' })).toBe(false)
        const at = place % values.length
        other.data[at] = (other.data[at] ?? 0) ^ 1
        expect(sameElements(one, other)).toBe(false)
      }),
    )
  })

  it('refuses bytes that are too few or too many, and strings', () => {
    for (const length of [7, 9]) {
      expect(() => tensorFromBytes('float32', [2], new Uint8Array(length))).toThrow(
        expect.objectContaining({ code: 'tensor-size' }),
      )
    }
    expect(() => bytesOf(zeros('string', [1]))).toThrow(expect.objectContaining({ code: 'tensor-type' }))
  })
})
