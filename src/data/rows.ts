import { count } from '../count.ts'
import { DataError } from '../errors.ts'
import { byteLengthOf, memoryOf, wordsOf, zeros } from '../tensor/bytes.ts'
import { type DType, type Storage, sameDims, sizeOf, type Tensor } from '../tensor/tensor.ts'
import { joinedSource, pickedSource, type RowSource, SourcedTensor, sourceOf } from './spilled.ts'

type Numeric = Exclude<Storage[DType], string[]>

/** Types that put several elements into one byte: their rows do not start at byte borders. */
const packed: ReadonlySet<DType> = new Set(['uint4', 'int4', 'float4e2m1', 'uint2', 'int2'])

/** Rows up to this many bytes are copied by a loop: below it, making a view costs more than the copy itself. */
const loopBytes = 64

/** How many rows a tensor has: its first dim. */
export function rowCount(tensor: Tensor): number {
  const rows = tensor.dims[0]
  if (rows === undefined) {
    throw new DataError(
      'data-scalar',
      'A scalar tensor has no rows; a data set needs tensors of dims [N, ...].',
    )
  }
  return rows
}

/**
 * A new tensor [indices.length, ...] with the rows of `tensor` [N, ...] that `indices` names, in that order;
 * a row may be named more than once.
 *
 * @throws DataError `row-out-of-range` when an index is not in 0..N-1; `data-packed` for types below eight bits.
 * @example
 * const batch = takeRows(images, Int32Array.of(3, 1, 4))
 */
export function takeRows<T extends DType>(tensor: Tensor<T>, indices: Int32Array): Tensor<T> {
  const dims = [indices.length, ...tensor.dims.slice(1)]
  if (tensor.type === 'string') {
    checkIndices(indices, rowCount(tensor))
    const source = tensor.data as string[]
    const width = sizeOf(tensor.dims.slice(1))
    const data = Array.from(indices, (row) => source.slice(row * width, (row + 1) * width)).flat()
    return { type: tensor.type, dims, data: data as Storage[T] }
  }
  const result = zeros(tensor.type, dims)
  copyRows(tensor, indices, result, 0)
  return result
}

/** As {@link takeRows}, but rows that are read of a source are still read of it. */
export function pickRows<T extends DType>(tensor: Tensor<T>, indices: Int32Array): Tensor<T> {
  const source = sourceOf(tensor)
  if (!source) return takeRows(tensor, indices)
  checkIndices(indices, rowCount(tensor))
  const dims = [indices.length, ...tensor.dims.slice(1)]
  return new SourcedTensor(tensor.type, dims, pickedSource(source, indices.slice()))
}

/**
 * Copies the rows of `source` named by `indices` into `target`, from `targetRow` on: {@link takeRows} without an
 * allocation, for buffers that are filled again and again.
 *
 * @throws DataError `row-out-of-range`, `data-packed`, or `row-mismatch` when the two differ in type or row dims.
 */
export function copyRows(source: Tensor, indices: Int32Array, target: Tensor, targetRow: number): void {
  checkIndices(indices, rowCount(source))
  if (source.type !== target.type || !sameDims(source.dims.slice(1), target.dims.slice(1))) {
    throw new DataError(
      'row-mismatch',
      `Rows of ${describe(source)} cannot be copied into ${describe(target)}.`,
    )
  }
  if (targetRow < 0 || targetRow + indices.length > rowCount(target)) {
    throw new DataError(
      'row-out-of-range',
      `From row ${targetRow} on there is no room for ${count(indices.length, 'row')}, as there are ${rowCount(target)}.`,
    )
  }
  if (indices.length === 0) return
  if (source.type === 'string') {
    const texts = takeRows(source, indices).data as string[]
    const width = texts.length / indices.length
    for (const [at, text] of texts.entries()) (target.data as string[])[targetRow * width + at] = text
    return
  }
  const copy = copyOf(source)
  const width = rowBytesOf(target)
  copy(indices, bytesOf(target).subarray(targetRow * width, (targetRow + indices.length) * width))
}

/** How rows of a tensor are copied, wherever they lie. */
function copyOf(tensor: Tensor): RowSource['copy'] {
  const source = sourceOf(tensor)
  if (source) return source.copy
  const from = bytesOf(tensor)
  const width = rowBytesOf(tensor)
  return width <= loopBytes
    ? (indices, into) => copySmallRows(from, indices, into, width)
    : (indices, into) =>
        eachRun(indices, (first, count, at) => {
          into.set(from.subarray(first * width, (first + count) * width), at * width)
        })
}

/**
 * Rows that lie one behind the other are taken at once.
 *
 * @param take Gets the first row of each run, how many there are, and at which of the indices they begin.
 */
export function eachRun(indices: Int32Array, take: (first: number, count: number, at: number) => void): void {
  for (let start = 0; start < indices.length; ) {
    const first = indices[start] ?? 0
    let count = 1
    while (start + count < indices.length && indices[start + count] === first + count) count++
    take(first, count, start)
    start += count
  }
}

function copySmallRows(from: Uint8Array, indices: Int32Array, into: Uint8Array, width: number): void {
  if (width % 4 === 0 && from.byteOffset % 4 === 0 && into.byteOffset % 4 === 0) {
    copyElements(wordsOf(from), indices, wordsOf(into), width / 4)
  } else {
    copyElements(from, indices, into, width)
  }
}

function copyElements<A extends Int32Array | Uint8Array>(
  source: A,
  indices: Int32Array,
  target: A,
  width: number,
): void {
  let at = 0
  for (let i = 0; i < indices.length; i++) {
    const start = (indices[i] ?? 0) * width
    for (let j = 0; j < width; j++) target[at++] = source[start + j] ?? 0
  }
}

/**
 * One tensor with the rows of all, in order. All must have the same type and row dims. Where some are read of a source nothing is copied.
 *
 * @throws DataError `row-mismatch` naming the first tensor that differs; `data-empty` for an empty list.
 */
export function concatenateRows<T extends DType>(tensors: readonly Tensor<T>[]): Tensor<T> {
  const [first] = tensors
  if (first === undefined)
    throw new DataError('data-empty', 'There is nothing to concatenate: the list is empty.')
  const rowDims = first.dims.slice(1)
  let rows = 0
  for (const [position, tensor] of tensors.entries()) {
    if (tensor.type !== first.type || !sameDims(tensor.dims.slice(1), rowDims)) {
      throw new DataError(
        'row-mismatch',
        `Part ${position} is ${describe(tensor)}, but part 0 is ${describe(first)}: only rows of one kind can be concatenated.`,
      )
    }
    rows += rowCount(tensor)
  }
  const dims = [rows, ...rowDims]
  if (first.type === 'string') {
    return {
      type: first.type,
      dims,
      data: tensors.flatMap((tensor) => tensor.data as string[]) as Storage[T],
    }
  }
  const sources = tensors.flatMap((tensor) => sourceOf(tensor) ?? [])
  if (sources.length > 0) {
    const { spill } = sources.find((source) => source.spill) ?? { spill: undefined }
    const parts = tensors.map((tensor) => ({ rows: rowCount(tensor), copy: copyOf(tensor) }))
    return new SourcedTensor(first.type, dims, joinedSource(parts, rowBytesOf(first), spill))
  }
  const result = zeros(first.type, dims)
  const bytes = bytesOf(result)
  let at = 0
  for (const tensor of tensors) {
    const part = bytesOf(tensor)
    bytes.set(part, at)
    at += part.length
  }
  return result
}

/** What one row takes. */
export const rowBytesOf = ({ type, dims }: Pick<Tensor, 'type' | 'dims'>): number => {
  if (type === 'string') {
    throw new DataError('data-packed', 'Texts have no fixed width: only numbers can be kept on disk.')
  }
  return byteLengthOf(type, dims.slice(1))
}

/** The same values under other dims, of as many rows. */
export function withDims<T extends DType>(tensor: Tensor<T>, dims: readonly number[]): Tensor<T> {
  const source = sourceOf(tensor)
  return source ? new SourcedTensor(tensor.type, dims, source) : { ...tensor, dims }
}

/** The memory of a numeric tensor as bytes (a view, in the machine's byte order). */
export function bytesOf(tensor: Tensor): Uint8Array {
  if (tensor.type === 'string' || packed.has(tensor.type)) {
    throw new DataError(
      'data-packed',
      `Rows of type ${tensor.type} cannot be copied as bytes; convert them to int8 or wider.`,
    )
  }
  return memoryOf(tensor.data as Numeric)
}

function checkIndices(indices: Int32Array, rows: number): void {
  for (let position = 0; position < indices.length; position++) {
    const row = indices[position] ?? -1
    if (row < 0 || row >= rows) {
      throw new DataError(
        'row-out-of-range',
        `Index ${position} asks for row ${row}, but of rows there are ${rows} (0 to ${rows - 1}).`,
      )
    }
  }
}

export function describe(tensor: Tensor): string {
  return `${tensor.type} [${tensor.dims.join(', ')}]`
}
