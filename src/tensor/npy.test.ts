import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesOf, zeros } from './bytes.ts'
import { readNpy, readNpz, writeNpy, writeNpz } from './npy.ts'
import { float32, int64, type Tensor } from './tensor.ts'

const numpyTypes = [
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'float16',
  'float32',
  'float64',
  'complex64',
  'complex128',
] as const
const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...numpyTypes), fc.array(fc.nat(4), { maxLength: 4 }), fc.nat(255))
  .map(([type, dims, fill]) => {
    const tensor = zeros(type, dims)
    bytesOf(tensor).fill(fill)
    return tensor
  })

function npy(header: string, data: ArrayLike<number>, version = 1): Uint8Array {
  const text = new TextEncoder().encode(header)
  const from = version === 1 ? 10 : 12
  const bytes = new Uint8Array(from + text.byteLength + data.length)
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), version, 0])
  if (version === 1) new DataView(bytes.buffer).setUint16(8, text.byteLength, true)
  else new DataView(bytes.buffer).setUint32(8, text.byteLength, true)
  bytes.set(text, from)
  bytes.set(data, from + text.byteLength)
  return bytes
}
const header = (descr: string, shape: string, fortran = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`

describe('npy', () => {
  it('gives back what was written, whatever the tensor', () => {
    fc.assert(
      fc.property(anyTensor, (tensor) => {
        expect(readNpy(writeNpy(tensor))).toEqual(tensor)
      }),
    )
  })

  it('writes the header that NumPy writes, data aligned to 64 bytes', () => {
    const bytes = writeNpy(float32([3], [1, 2, 3]))
    expect(new TextDecoder().decode(bytes.subarray(10, 128))).toBe(
      `${"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }".padEnd(117)}\n`,
    )
    expect(bytes.byteLength).toBe(128 + 12)
  })

  it('reads versions 2 and 3', () => {
    for (const version of [2, 3]) {
      expect(readNpy(npy(header('|u1', '(2,)'), [7, 8], version)).data).toEqual(Uint8Array.of(7, 8))
    }
  })

  it('reads column-major arrays into row-major order', () => {
    const columns = readNpy(npy(header('|i1', '(2, 3)', 'True'), [1, 4, 2, 5, 3, 6]))
    expect(Array.from(columns.data as Int8Array)).toEqual([1, 2, 3, 4, 5, 6])
    const cube = Array.from({ length: 24 }, (_, index) => index)
    const read = readNpy(npy(header('|u1', '(2, 3, 4)', 'True'), cube)).data as Uint8Array
    for (let i = 0; i < 2; i++) {
      for (let j = 0; j < 3; j++) {
        for (let k = 0; k < 4; k++) expect(read[(i * 3 + j) * 4 + k]).toBe(i + 2 * (j + 3 * k))
      }
    }
  })

  it('reads big-endian numbers, complex ones part by part', () => {
    expect(readNpy(npy(header('>i2', '(2,)'), [1, 2, 0xff, 0xfe])).data).toEqual(Int16Array.of(258, -2))
    const complex = new Uint8Array(8)
    new DataView(complex.buffer).setFloat32(0, 1.5)
    new DataView(complex.buffer).setFloat32(4, -2)
    expect(readNpy(npy(header('>c8', '()'), complex)).data).toEqual(Float32Array.of(1.5, -2))
  })

  it('says what is wrong with a file', () => {
    const code = (code: string) =>
      expect.objectContaining({ code, message: expect.stringContaining('x.npy') })
    expect(() => readNpy(new Uint8Array(20), 'x.npy')).toThrow(code('npy-damaged'))
    expect(() => readNpy(npy(header('<f4', '(2,)'), [0, 0], 1), 'x.npy')).toThrow(code('npy-damaged'))
    expect(() => readNpy(npy(header('<f4', '(2,)'), [], 9), 'x.npy')).toThrow(code('npy-damaged'))
    expect(() => readNpy(npy("{'descr': '<f4'}", []), 'x.npy')).toThrow(code('npy-damaged'))
    expect(() => readNpy(npy(header('|O', '(2,)'), [0, 0]), 'x.npy')).toThrow(code('npy-type'))
    const record = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }"
    expect(() => readNpy(npy(record, [0, 0, 0, 0]), 'x.npy')).toThrow(code('npy-type'))
    expect(() => writeNpy(zeros('bfloat16', [1]))).toThrow(expect.objectContaining({ code: 'npy-type' }))
  })
})

describe('npz', () => {
  it('gives back what was written, deflated or not, and the same bytes each time', () => {
    const tensors = new Map<string, Tensor>([
      ['x', float32([2, 2], [1, 2, 3, 4])],
      ['labels', int64([2], [7, 8])],
    ])
    for (const compress of [true, false]) {
      const bytes = writeNpz(tensors, { compress })
      expect(readNpz(bytes)).toEqual(tensors)
      expect(writeNpz(tensors, { compress })).toEqual(bytes)
    }
  })

  it('names the archive and the array in it that is damaged', () => {
    expect(() => readNpz(new Uint8Array(30), 'a.npz')).toThrow(
      expect.objectContaining({ code: 'npz-damaged' }),
    )
  })
})
