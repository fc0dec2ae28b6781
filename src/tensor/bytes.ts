import { ModelError } from '../errors.ts'
import { type DType, type Storage, sameDims, sizeOf, type Tensor } from './tensor.ts'

type NumericType = Exclude<DType, 'string'>
interface ArrayKind {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, offset: number, length: number): Storage[NumericType]
  new (length: number): Storage[NumericType]
}

const layouts: Readonly<Record<NumericType, { readonly bits: number; readonly array: ArrayKind }>> = {
  float32: { bits: 32, array: Float32Array },
  float64: { bits: 64, array: Float64Array },
  float16: { bits: 16, array: Uint16Array },
  bfloat16: { bits: 16, array: Uint16Array },
  int8: { bits: 8, array: Int8Array },
  uint8: { bits: 8, array: Uint8Array },
  int16: { bits: 16, array: Int16Array },
  uint16: { bits: 16, array: Uint16Array },
  int32: { bits: 32, array: Int32Array },
  uint32: { bits: 32, array: Uint32Array },
  int64: { bits: 64, array: BigInt64Array },
  uint64: { bits: 64, array: BigUint64Array },
  bool: { bits: 8, array: Uint8Array },
  complex64: { bits: 64, array: Float32Array },
  complex128: { bits: 128, array: Float64Array },
  float8e4m3fn: { bits: 8, array: Uint8Array },
  float8e4m3fnuz: { bits: 8, array: Uint8Array },
  float8e5m2: { bits: 8, array: Uint8Array },
  float8e5m2fnuz: { bits: 8, array: Uint8Array },
  float8e8m0: { bits: 8, array: Uint8Array },
  uint4: { bits: 4, array: Uint8Array },
  int4: { bits: 4, array: Uint8Array },
  float4e2m1: { bits: 4, array: Uint8Array },
  uint2: { bits: 2, array: Uint8Array },
  int2: { bits: 2, array: Uint8Array },
}

/** Bytes that the elements of such a tensor take; types below a byte are packed and padded at the end. */
export function byteLengthOf(type: NumericType, dims: readonly number[]): number {
  return Math.ceil((sizeOf(dims) * layouts[type].bits) / 8)
}

/** Bytes that the elements of tensors take together; strings, which have no fixed width, are not counted. */
export function byteLengthOfAll(
  tensors: Iterable<{ readonly type: DType; readonly dims: readonly number[] }>,
): number {
  let bytes = 0
  for (const { type, dims } of tensors) if (type !== 'string') bytes += byteLengthOf(type, dims)
  return bytes
}

/** How many entries a tensor's `data` has: twice the elements for complex types, fewer for those below a byte. */
export function storageLengthOf(type: DType, dims: readonly number[]): number {
  if (type === 'string') return sizeOf(dims)
  return byteLengthOf(type, dims) / layouts[type].array.BYTES_PER_ELEMENT
}

/** A tensor of zeros (of empty strings for type string). */
export function zeros<T extends DType>(type: T, dims: readonly number[]): Tensor<T> {
  const kind: DType = type
  const length = storageLengthOf(kind, dims)
  const data = kind === 'string' ? new Array<string>(length).fill('') : new layouts[kind].array(length)
  return { type, dims, data: data as Storage[T] }
}

/**
 * The elements as bytes: little-endian, row-major, the layout that ONNX raw data, safetensors and npy share. A view
 * of the tensor's own memory, not a copy.
 *
 * @throws ModelError `tensor-type` for strings, which have no fixed width.
 */
export function bytesOf(tensor: Tensor): Uint8Array {
  const { data } = tensor
  if (Array.isArray(data)) throw new ModelError('tensor-type', 'A string tensor has no fixed-width bytes.')
  return memoryOf(data)
}

/** Numbers in memory as the bytes that they are: a view, not a copy. */
export const memoryOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** Bytes as int32 words: a view, not a copy. They begin at a multiple of 4. */
export const wordsOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Int32Array =>
  new Int32Array(buffer, byteOffset, byteLength / 4)

/**
 * A tensor over little-endian, row-major bytes: a view of them where they are aligned for the type, a copy otherwise.
 *
 * @throws ModelError `tensor-size` when the number of bytes is not what type and dims ask for.
 */
export function tensorFromBytes<T extends NumericType>(
  type: T,
  dims: readonly number[],
  bytes: Uint8Array,
): Tensor<T> {
  const expected = byteLengthOf(type, dims)
  if (bytes.byteLength !== expected) {
    throw new ModelError(
      'tensor-size',
      `A ${type} tensor of dims [${dims}] needs ${expected} bytes, but ${bytes.byteLength} were given.`,
    )
  }
  const { array } = layouts[type]
  const aligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0
  // Not bytes.slice(): Node's Buffer answers it with another view of the same, unaligned memory.
  const held = aligned ? bytes : new Uint8Array(bytes)
  const data = new array(held.buffer, held.byteOffset, expected / array.BYTES_PER_ELEMENT)
  return { type, dims, data: data as Storage[T] }
}

/** Whether two tensors are of one type, have equal dims and hold the same bits. */
export function sameElements(a: Tensor, b: Tensor): boolean {
  if (a.type !== b.type || !sameDims(a.dims, b.dims)) return false
  if (a.type === 'string') return (a.data as string[]).every((text, at) => text === b.data[at])
  const [one, other] = [bytesOf(a), bytesOf(b)]
  if (![one, other].every(({ byteOffset }) => byteOffset % 4 === 0)) return sameNumbers(one, other)
  // Four bytes at a time where both lie so, which is the faster by far.
  const end = one.length - (one.length % 4)
  const words = (bytes: Uint8Array) => wordsOf(bytes.subarray(0, end))
  return sameNumbers(words(one), words(other)) && sameNumbers(one.subarray(end), other.subarray(end))
}

function sameNumbers<T extends Int32Array | Uint8Array>(a: T, b: T): boolean {
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false
  return true
}
