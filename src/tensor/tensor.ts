import { ModelError } from '../errors.ts'

/**
 * How each element type is held in memory. 16-bit floats are held as their bits; 4-bit and 8-bit floats and 4-bit
 * integers as packed bytes; complex numbers as interleaved pairs; booleans as bytes 0 and 1.
 */
export interface Storage {
  float32: Float32Array
  float64: Float64Array
  float16: Uint16Array
  bfloat16: Uint16Array
  int8: Int8Array
  uint8: Uint8Array
  int16: Int16Array
  uint16: Uint16Array
  int32: Int32Array
  uint32: Uint32Array
  int64: BigInt64Array
  uint64: BigUint64Array
  bool: Uint8Array
  string: string[]
  complex64: Float32Array
  complex128: Float64Array
  float8e4m3fn: Uint8Array
  float8e4m3fnuz: Uint8Array
  float8e5m2: Uint8Array
  float8e5m2fnuz: Uint8Array
  float8e8m0: Uint8Array
  uint4: Uint8Array
  int4: Uint8Array
  float4e2m1: Uint8Array
  uint2: Uint8Array
  int2: Uint8Array
}

/** Element types, by the names ONNX gives them (in lower case). */
export type DType = keyof Storage

/** Dense values in row-major order: `data` holds the product of `dims` elements. A scalar has `dims: []`. */
export interface Tensor<T extends DType = DType> {
  readonly type: T
  readonly dims: readonly number[]
  readonly data: Storage[T]
}

/** A type and concrete dims, without values. */
export interface TensorType {
  readonly type: DType
  readonly dims: readonly number[]
}

/** How many elements dims describe; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  let size = 1
  for (const dim of dims) size *= dim
  return size
}

export function sameDims(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis])
}

/**
 * A float32 tensor over `data` (not copied when it is a Float32Array).
 *
 * @throws ModelError `tensor-size` when the number of values is not the product of `dims`.
 * @example
 * const x = float32([2, 2], [1, 2, 3, 4])
 */
export function float32(dims: readonly number[], data?: Float32Array | readonly number[]): Tensor<'float32'> {
  const values =
    data === undefined
      ? new Float32Array(sizeOf(dims))
      : data instanceof Float32Array
        ? data
        : Float32Array.from(data)
  checkSize('float32', dims, values.length)
  return { type: 'float32', dims, data: values }
}

const INT64_MAX = 2n ** 63n - 1n

/**
 * An int64 tensor; numbers are converted to BigInt. A double of 2^63 and more stands for INT64_MAX, which no double can
 * be: exporters write it for "to the end".
 *
 * @throws ModelError `tensor-size` when the number of values is not the product of `dims`.
 */
export function int64(dims: readonly number[], data: BigInt64Array | readonly number[]): Tensor<'int64'> {
  const values = data instanceof BigInt64Array ? data : BigInt64Array.from(data, wholeNumber)
  checkSize('int64', dims, values.length)
  return { type: 'int64', dims, data: values }
}

function wholeNumber(value: number): bigint {
  const whole = BigInt(value)
  return whole > INT64_MAX ? INT64_MAX : whole
}

function checkSize(type: DType, dims: readonly number[], length: number): void {
  if (length !== sizeOf(dims)) {
    throw new ModelError(
      'tensor-size',
      `A ${type} tensor of dims [${dims}] needs ${sizeOf(dims)} values, but ${length} were given.`,
    )
  }
}

/** The elements as plain numbers (int64 too, which must be below 2^53). For small tensors: shapes, axes, scalars. */
export function toNumbers(tensor: Tensor): number[] {
  if (tensor.type === 'string') throw new ModelError('tensor-type', 'A string tensor holds no numbers.')
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number)
}
