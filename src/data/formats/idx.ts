import { count } from '../../count.ts'
import { DataError } from '../../errors.ts'
import { type DType, type Storage, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import { createDataset, type Dataset, unitPixels } from '../dataset.ts'
import { describe, rowCount } from '../rows.ts'

interface IdxType {
  readonly type: DType
  readonly bytes: number
  readonly read: (view: DataView, count: number, offset: number) => Storage[DType]
}

/** The element types of the format by their code, the third byte of a file. Values are big-endian. */
const idxTypes: Readonly<Record<number, IdxType>> = {
  8: { type: 'uint8', bytes: 1, read: (view, count, at) => bytesAt(view, count, at).slice() },
  9: { type: 'int8', bytes: 1, read: (view, count, at) => new Int8Array(bytesAt(view, count, at)) },
  11: {
    type: 'int16',
    bytes: 2,
    read: (view, count, at) => Int16Array.from({ length: count }, (_, i) => view.getInt16(at + 2 * i)),
  },
  12: {
    type: 'int32',
    bytes: 4,
    read: (view, count, at) => Int32Array.from({ length: count }, (_, i) => view.getInt32(at + 4 * i)),
  },
  13: {
    type: 'float32',
    bytes: 4,
    read: (view, count, at) => Float32Array.from({ length: count }, (_, i) => view.getFloat32(at + 4 * i)),
  },
  14: {
    type: 'float64',
    bytes: 8,
    read: (view, count, at) => Float64Array.from({ length: count }, (_, i) => view.getFloat64(at + 8 * i)),
  },
}

function bytesAt(view: DataView, count: number, offset: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, count)
}

/**
 * Reads an IDX file (the format of MNIST, unpacked) into a tensor that shares no memory with `bytes`.
 *
 * @param file Named in errors.
 * @throws DataError `idx-magic` when the first bytes are not an IDX header; `idx-length` when the file is shorter or longer
 * than its header says.
 * @example
 * const images = parseIdx(bytes, 'train-images-idx3-ubyte') // uint8 [60000, 28, 28]
 */
export function parseIdx(bytes: Uint8Array, file: string): Tensor {
  const idxType = idxTypes[bytes[2] ?? 0]
  const rank = bytes[3] ?? 0
  if (bytes[0] !== 0 || bytes[1] !== 0 || idxType === undefined || rank === 0) {
    const found = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const hint =
      bytes[0] === 0x1f && bytes[1] === 0x8b ? 'This is gzip: unpack it first.' : 'Is it an IDX file at all?'
    throw new DataError(
      'idx-magic',
      `${file}, byte 0: expected an IDX header (00 00, element type, number of dims), found ${found || 'an empty file'}. ${hint}`,
    )
  }
  const header = 4 + 4 * rank
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < header) {
    throw new DataError(
      'idx-length',
      `${file}: the header of ${rank} dims takes ${header} bytes, but the file has ${bytes.length}. It is cut off; fetch it again.`,
    )
  }
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const expected = header + sizeOf(dims) * idxType.bytes
  if (bytes.length !== expected) {
    throw new DataError(
      'idx-length',
      `${file}: ${idxType.type} [${dims.join(', ')}] takes ${expected} bytes with its header, but the file has ${bytes.length}. It is damaged; fetch it again.`,
    )
  }
  return { type: idxType.type, dims, data: idxType.read(view, sizeOf(dims), header) }
}

/** How long an IDX file is by its header, from its first bytes; undefined where they are no such header. */
export function idxLength(head: Uint8Array): number | undefined {
  const idxType = idxTypes[head[2] ?? 0]
  const rank = head[3] ?? 0
  const header = 4 + 4 * rank
  if (head[0] !== 0 || head[1] !== 0 || idxType === undefined || head.length < header) return undefined
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  return header + sizeOf(dims) * idxType.bytes
}

/** The unpacked bytes of one IDX file, and its name for errors. */
export interface NamedBytes {
  readonly file: string
  readonly bytes: Uint8Array
}

/**
 * A data set from an IDX file of images [N, H, W] and one of labels [N], both uint8. Inputs become uint8 [N, 1, H, W] with
 * pixels to be scaled to [0, 1].
 *
 * @param options.name The data set's name, default 'images'.
 * @param options.classes The classes' names; default the digits 0 to 9, or 0 to the largest label where that is greater.
 * @throws DataError as {@link parseIdx} does; `idx-dims` when a file holds something else; `data-rows` when the numbers of
 * images and labels differ; `label-out-of-range` with the row.
 */
export function idxDataset(
  images: NamedBytes,
  labels: NamedBytes,
  options: { readonly name?: string; readonly classes?: readonly string[] } = {},
): Dataset {
  const pixels = parseIdx(images.bytes, images.file)
  const targets = parseIdx(labels.bytes, labels.file)
  if (pixels.type !== 'uint8' || pixels.dims.length !== 3) {
    throw new DataError(
      'idx-dims',
      `${images.file}: expected images, uint8 [N, H, W], found ${describe(pixels)}.`,
    )
  }
  if (targets.type !== 'uint8' || targets.dims.length !== 1) {
    throw new DataError('idx-dims', `${labels.file}: expected labels, uint8 [N], found ${describe(targets)}.`)
  }
  const [rows = 0, height = 0, width = 0] = pixels.dims
  if (rows !== targets.dims[0]) {
    throw new DataError(
      'data-rows',
      `${images.file} holds ${count(rows, 'image')}, but ${labels.file} holds ${count(rowCount(targets), 'label')}: they do not belong together.`,
    )
  }
  const data = Int32Array.from(targets.data as Uint8Array)
  return createDataset({
    name: options.name ?? 'images',
    inputs: { ...pixels, dims: [rows, 1, height, width] },
    labels: { type: 'int32', dims: [rows], data },
    classes: options.classes ?? digitClasses(data),
    preprocessing: unitPixels,
  })
}

function digitClasses(labels: Int32Array): string[] {
  const largest = labels.reduce((a, b) => Math.max(a, b), 9)
  return Array.from({ length: largest + 1 }, (_, digit) => String(digit))
}
