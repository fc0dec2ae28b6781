import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, zeros } from './bytes.ts'
import { readSafetensors, writeSafetensors } from './safetensors.ts'
import { type DType, float32, int64, type Tensor } from './tensor.ts'

const safeTypes = [
  'float64',
  'float32',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint64',
  'uint32',
  'uint16',
  'uint8',
  'bool',
  'float8e4m3fn',
  'float8e5m2',
] as const satisfies readonly DType[]

const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...safeTypes), fc.array(fc.nat(3), { maxLength: 3 }), fc.nat(255))
  .map(([type, dims, fill]) => {
    const tensor = zeros(type, dims)
    bytesOf(tensor).fill(fill)
    return tensor
  })

/** A file with this header, as it may come from anywhere. */
function file(header: unknown, dataLength: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + text.byteLength + dataLength)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.byteLength), true)
  bytes.set(text, 8)
  return bytes
}
const codeOf = (bytes: Uint8Array): unknown => {
  try {
    readSafetensors(bytes, 'model.safetensors')
    return 'none'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('safetensors', () => {
  it('gives back what was written, whatever the tensors', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), anyTensor),
        fc.dictionary(fc.string(), fc.string()),
        (entries, metadata) => {
          const tensors = new Map(Object.entries(entries).filter(([name]) => name !== '__metadata__'))
          const back = readSafetensors(writeSafetensors(tensors, metadata))
          expect(new Map([...back.tensors].sort())).toEqual(new Map([...tensors].sort()))
          expect(Object.entries(back.metadata).sort()).toEqual(Object.entries(metadata).sort())
        },
      ),
    )
  })

  it('writes the same bytes in whatever order the tensors come', () => {
    const a = [
      ['b', int64([1], [5])] as const,
      ['a', float32([1], [2])] as const,
      ['c', zeros('uint8', [3])] as const,
    ]
    const b = [...a].reverse()
    expect(writeSafetensors(new Map<string, Tensor>(a), { x: '1', y: '2' })).toEqual(
      writeSafetensors(new Map<string, Tensor>(b), { y: '2', x: '1' }),
    )
  })

  it('aligns every tensor, so that reading copies nothing', () => {
    const bytes = writeSafetensors(
      new Map<string, Tensor>([
        ['a', zeros('uint8', [3])],
        ['z', zeros('float64', [2])],
      ]),
    )
    const { tensors } = readSafetensors(bytes)
    for (const tensor of tensors.values()) expect(bytesOf(tensor).buffer).toBe(bytes.buffer)
  })

  it('reads the layout of the format’s own description', () => {
    const bytes = file(
      '{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"format":"pt"}}  ',
      8,
    )
    new DataView(bytes.buffer).setFloat32(bytes.byteLength - 4, 1.5, true)
    const { tensors, metadata } = readSafetensors(bytes)
    expect(tensors.get('x')).toEqual(float32([2], [0, 1.5]))
    expect(metadata).toEqual({ format: 'pt' })
  })

  it('says what is wrong with a damaged file', () => {
    const entry = (begin: number, end: number, shape: unknown = [end - begin], dtype = 'U8') => ({
      dtype,
      shape,
      data_offsets: [begin, end],
    })
    expect(codeOf(new Uint8Array(4))).toBe('safetensors-truncated')
    expect(codeOf(file('{}', 0).fill(0xff, 0, 7))).toBe('safetensors-header')
    expect(codeOf(file('{}', 0).subarray(0, 9))).toBe('safetensors-truncated')
    expect(codeOf(file('{"a"', 0))).toBe('safetensors-header')
    expect(codeOf(file([], 0))).toBe('safetensors-header')
    expect(codeOf(file({ __metadata__: { a: 1 } }, 0))).toBe('safetensors-header')
    expect(codeOf(file({ a: entry(0, 4, [4], 'Q4') }, 4))).toBe('safetensors-type')
    expect(codeOf(file({ a: null }, 4))).toBe('safetensors-type')
    expect(codeOf(file({ a: entry(0, 4, [-4]) }, 4))).toBe('safetensors-shape')
    expect(codeOf(file({ a: entry(0, 4, [5]) }, 4))).toBe('safetensors-shape')
    expect(codeOf(file({ a: entry(0, 8) }, 4))).toBe('safetensors-truncated')
    expect(codeOf(file({ a: entry(4, 0, [4]) }, 4))).toBe('safetensors-offsets')
    expect(codeOf(file({ a: entry(0, 3), b: entry(2, 4) }, 4))).toBe('safetensors-offsets')
    expect(codeOf(file({ a: entry(0, 2), b: entry(3, 4) }, 4))).toBe('safetensors-offsets')
    expect(codeOf(file({ a: entry(0, 2) }, 4))).toBe('safetensors-offsets')
    expect(codeOf(file({ a: entry(0, 2), empty: entry(2, 2, [0]) }, 2))).toBe('none')
  })

  it('refuses to write what the format cannot hold', () => {
    const code = (name: string, tensor: Tensor) => () => writeSafetensors(new Map([[name, tensor]]))
    expect(code('x', zeros('string', [1]))).toThrow(expect.objectContaining({ code: 'safetensors-type' }))
    expect(code('x', zeros('int4', [2]))).toThrow(expect.objectContaining({ code: 'safetensors-type' }))
    expect(code('__metadata__', zeros('int8', [2]))).toThrow(
      expect.objectContaining({ code: 'safetensors-name' }),
    )
    const short: Tensor = { type: 'float32', dims: [3], data: new Float32Array(2) }
    expect(code('x', short)).toThrow(expect.objectContaining({ code: 'tensor-size' }))
  })
})
