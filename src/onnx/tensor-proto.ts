import { count as counted } from '../count.ts'
import { ModelError } from '../errors.ts'
import { itemAt } from '../required.ts'
import { byteLengthOf, bytesOf, storageLengthOf, tensorFromBytes, zeros } from '../tensor/bytes.ts'
import { type DType, sizeOf, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { DataLocation, dtypeOfCode } from './codes.ts'
import type { SparseTensorProto, TensorProto } from './onnx_pb.ts'
import { nameOf } from './proto-names.ts'

/** Fetches the bytes of a tensor that lies in another file. */
export type ExternalData = (tensor: TensorProto) => Uint8Array

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The element type of a number in a model file.
 *
 * @throws ModelError `tensor-type` when the specification has no such type.
 */
export function dtypeOf(code: number | undefined, where: string): DType {
  const type = dtypeOfCode(code ?? 0)
  if (type === undefined) {
    throw new ModelError('tensor-type', `${where} has element type ${code ?? 'none'}, but 1 to 26 are known.`)
  }
  return type
}

/**
 * The dims of a tensor as plain numbers.
 *
 * @throws ModelError `tensor-dims` for a negative size or one beyond 2^53.
 */
function dimsOf(dims: readonly bigint[], where: string): number[] {
  const sizes = dims.map(Number)
  if (
    !sizes.every((size) => Number.isSafeInteger(size) && size >= 0) ||
    !Number.isSafeInteger(sizeOf(sizes))
  ) {
    throw new ModelError('tensor-dims', `${where} has dims [${dims}], but sizes from 0 on were expected.`)
  }
  return sizes
}

/**
 * A tensor from the way ONNX stores it: raw data, typed fields, strings or another file. Raw data is shared, not copied,
 * where it is aligned.
 *
 * @param externalData Fetches what lies in other files; without it such tensors are refused.
 * @throws ModelError `tensor-type`, `tensor-dims`, `tensor-size`, `tensor-string`, `tensor-segment`,
 * `external-data-missing`.
 */
export function tensorFromProto(proto: TensorProto, externalData?: ExternalData): Tensor {
  const where = `Tensor ${JSON.stringify(nameOf(proto))}`
  const type = dtypeOf(proto.dataType, where)
  const dims = dimsOf(proto.dims, where)
  if (proto.segment !== undefined) {
    throw new ModelError(
      'tensor-segment',
      `${where} is stored in segments, which ONNX Runtime does not read either.`,
    )
  }
  if (type === 'string') return stringTensor(proto, dims, where)
  const bytes = bytesFrom(proto, where, externalData)
  if (bytes !== undefined) {
    checkSize(bytes.byteLength, byteLengthOf(type, dims), 'bytes', type, dims, where)
    return tensorFromBytes(type, dims, bytes)
  }
  return typedTensor(proto, type, dims, where)
}

function bytesFrom(proto: TensorProto, where: string, externalData?: ExternalData): Uint8Array | undefined {
  if (proto.dataLocation !== DataLocation.external) return proto.rawData
  if (externalData === undefined) {
    const file = proto.externalData.find(({ key }) => key === 'location')?.value ?? ''
    throw new ModelError(
      'external-data-missing',
      `${where} has its elements in the file ${JSON.stringify(file)}, but only the model's own bytes were given. Load the model from its folder.`,
    )
  }
  return externalData(proto)
}

function stringTensor(proto: TensorProto, dims: number[], where: string): Tensor<'string'> {
  checkSize(proto.stringData.length, sizeOf(dims), 'strings', 'string', dims, where)
  try {
    return { type: 'string', dims, data: proto.stringData.map((bytes) => strictUtf8.decode(bytes)) }
  } catch (cause) {
    throw new ModelError('tensor-string', `${where} has a string that is not UTF-8.`, { cause })
  }
}

/** Elements from the field that the specification has for the type; narrow integers and 16-bit floats share one. */
function typedTensor(
  proto: TensorProto,
  type: Exclude<DType, 'string'>,
  dims: number[],
  where: string,
): Tensor {
  const values = typedValues(proto, type)
  checkSize(values.length, storageLengthOf(type, dims), 'entries', type, dims, where)
  const tensor = zeros(type, dims)
  // Both sides are numbers, or both are BigInts. A typed array wraps what is wider than its entries, as intended for
  // uint16 bits and bytes that the encoder took for signed.
  ;(tensor.data as { set(values: readonly (number | bigint)[]): void }).set(values)
  return tensor
}

function typedValues(proto: TensorProto, type: Exclude<DType, 'string'>): readonly (number | bigint)[] {
  switch (type) {
    case 'float32':
    case 'complex64':
      return proto.floatData
    case 'float64':
    case 'complex128':
      return proto.doubleData
    case 'int64':
      return proto.int64Data
    case 'uint64':
      return proto.uint64Data
    case 'uint32':
      return proto.uint64Data.map(Number)
    default:
      return proto.int32Data
  }
}

function checkSize(
  found: number,
  expected: number,
  unit: string,
  type: DType,
  dims: readonly number[],
  where: string,
): void {
  if (found !== expected) {
    throw new ModelError(
      'tensor-size',
      `${where} of type ${type} and dims [${dims}] needs ${expected} ${unit}, but has ${found}.`,
    )
  }
}

/** One value in so many elements is what a sparse tensor holds at least; small ones may hold fewer. */
const SPARSEST = 10_000
const SPARSE_ANYWAY = 2 ** 20

/**
 * A sparse tensor with its zeros written out.
 *
 * @throws ModelError `tensor-sparse` when its indices do not fit, or it is far larger than what it holds; and what {@link tensorFromProto} throws.
 */
export function tensorFromSparseProto(proto: SparseTensorProto, externalData?: ExternalData): Tensor {
  const where = `Sparse tensor ${JSON.stringify(proto.values?.name ?? '')}`
  if (!proto.values || !proto.indices)
    throw new ModelError('tensor-sparse', `${where} lacks its values or indices.`)
  const values = tensorFromProto(proto.values, externalData)
  const indices = tensorFromProto(proto.indices, externalData)
  const dims = dimsOf(proto.dims, where)
  const count = sizeOf(values.dims)
  if (sizeOf(dims) > SPARSE_ANYWAY + SPARSEST * count) {
    throw new ModelError(
      'tensor-sparse',
      `${where} has ${counted(count, 'value')} in dims [${dims}]: written out it would be ${sizeOf(dims)} elements, next to all of them zero. The model is damaged, or has to be exported with a dense tensor.`,
    )
  }
  const dense = zeros(values.type, dims)
  const columns = indices.dims.length === 1 ? 1 : itemAt(indices.dims, 1, 'axis')
  const flat = toNumbers(indices)
  const width = values.type === 'string' ? 0 : bytesOf(values).byteLength / Math.max(count, 1)
  const fits = indices.dims[0] === count && (indices.dims.length === 1 || columns === dims.length)
  if (!fits || !Number.isInteger(width)) {
    throw new ModelError(
      'tensor-sparse',
      `${where} has ${counted(count, 'value')} of ${values.type}, but indices of dims [${indices.dims}].`,
    )
  }
  for (let entry = 0; entry < count; entry++) {
    const index = flat.slice(entry * columns, (entry + 1) * columns)
    const place =
      columns === 1 && indices.dims.length === 1
        ? (index[0] ?? 0)
        : index.reduce((sum, at, axis) => sum * itemAt(dims, axis, 'axis') + at, 0)
    if (!(place >= 0 && place < sizeOf(dims))) {
      throw new ModelError(
        'tensor-sparse',
        `${where} has index [${index}], which is outside of dims [${dims}].`,
      )
    }
    if (values.type === 'string') (dense.data as string[])[place] = (values.data as string[])[entry] ?? ''
    else bytesOf(dense).set(bytesOf(values).subarray(entry * width, (entry + 1) * width), place * width)
  }
  return dense
}
