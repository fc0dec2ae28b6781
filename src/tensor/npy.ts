import { type Zippable, zipSync } from 'fflate'
import { DataError, UsageError } from '../errors.ts'
import { itemAt } from '../required.ts'
import { byteLengthOf, bytesOf, tensorFromBytes } from './bytes.ts'
import { type DType, sizeOf, type Tensor } from './tensor.ts'
import { unzipBounded } from './unpack-limit.ts'

const kinds = {
  bool: 'b1',
  int8: 'i1',
  int16: 'i2',
  int32: 'i4',
  int64: 'i8',
  uint8: 'u1',
  uint16: 'u2',
  uint32: 'u4',
  uint64: 'u8',
  float16: 'f2',
  float32: 'f4',
  float64: 'f8',
  complex64: 'c8',
  complex128: 'c16',
} as const satisfies Partial<Record<DType, string>>
type NumpyType = keyof typeof kinds

const types = new Map(
  Object.keys(kinds).map((type) => [kinds[type as NumpyType] as string, type as NumpyType]),
)
const MAGIC = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59)

/**
 * A tensor as a .npy file of version 1.0 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html):
 * row-major, little-endian.
 *
 * @throws UsageError `npy-type` for a type that NumPy lacks.
 * @example
 * await writeFile('x.npy', writeNpy(float32([2, 3], [1, 2, 3, 4, 5, 6])))
 */
export function writeNpy(tensor: Tensor): Uint8Array<ArrayBuffer> {
  const kind = (kinds as Partial<Record<DType, string>>)[tensor.type]
  if (kind === undefined) {
    throw new UsageError(
      'npy-type',
      `NumPy has no type ${tensor.type}. It has ${Object.keys(kinds).join(', ')}.`,
    )
  }
  const order = kind.endsWith('1') ? '|' : '<'
  const shape = tensor.dims.length === 1 ? `(${tensor.dims[0]},)` : `(${tensor.dims.join(', ')})`
  const dictionary = `{'descr': '${order}${kind}', 'fortran_order': False, 'shape': ${shape}, }`
  // NumPy pads with spaces and a line feed, so that the data starts at a multiple of 64.
  const start = Math.ceil((10 + dictionary.length + 1) / 64) * 64
  const data = bytesOf(tensor)
  const file = new Uint8Array(start + data.byteLength)
  file.set(MAGIC)
  file[6] = 1
  new DataView(file.buffer).setUint16(8, start - 10, true)
  file.set(new TextEncoder().encode(`${dictionary.padEnd(start - 11)}\n`), 10)
  file.set(data, start)
  return file
}

/**
 * The tensor of a .npy file: versions 1 to 3, row- or column-major, little- or big-endian. It is a view of the bytes
 * where nothing has to be rearranged and they are aligned.
 *
 * @param name What messages call the file.
 * @throws DataError `npy-damaged` when it is no such file or too short, `npy-type` for objects, texts and records.
 */
export function readNpy(bytes: Uint8Array, name = 'npy data'): Tensor {
  const { descr, columnMajor, dims, start } = readHeader(bytes, name)
  const type = types.get(descr.slice(1))
  if (type === undefined || !'<>|='.includes(descr.charAt(0))) {
    throw new DataError(
      'npy-type',
      `${name}: its elements are ${JSON.stringify(descr)}, but numbers were expected (${[...types.keys()].join(', ')}). Convert it with array.astype.`,
    )
  }
  const length = byteLengthOf(type, dims)
  if (bytes.byteLength - start !== length) {
    throw new DataError(
      'npy-damaged',
      `${name}: shape (${dims}) of ${descr} needs ${length} bytes, but ${bytes.byteLength - start} follow the header.`,
    )
  }
  let data = bytes.subarray(start)
  const width = length === 0 ? 1 : length / sizeOf(dims)
  // A complex number is two floats, each swapped by itself.
  if (descr.startsWith('>')) data = swapped(data, type.startsWith('complex') ? width / 2 : width)
  if (columnMajor && dims.length > 1) data = rowMajor(data, dims, width)
  return tensorFromBytes(type, dims, data)
}

function readHeader(bytes: Uint8Array, name: string) {
  const damaged = (problem: string): DataError => new DataError('npy-damaged', `${name}: ${problem}`)
  if (bytes.byteLength < 12 || MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw damaged('a .npy file starts with "\\x93NUMPY", but this one does not.')
  }
  const version = bytes[6] ?? 0
  if (version < 1 || version > 3)
    throw damaged(`it has version ${version}, but only versions 1 to 3 are known.`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [from, length] = version === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)]
  const start = from + length
  if (start > bytes.byteLength)
    throw damaged(`its header takes ${start} bytes, but it has ${bytes.byteLength}.`)
  const header = new TextDecoder().decode(bytes.subarray(from, start))
  const descr = /'descr'\s*:\s*(?:'([^']*)'|(\[.*\]))/s.exec(header)
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(header)
  if (!descr || !order || !shape) {
    throw damaged(
      `its header must name descr, fortran_order and shape, but it reads ${JSON.stringify(header.trim())}.`,
    )
  }
  const dims = (shape[1] ?? '').match(/\d+/g)?.map(Number) ?? []
  return { descr: descr[1] ?? descr[2] ?? '', columnMajor: order[1] === 'True', dims, start }
}

function swapped(bytes: Uint8Array, width: number): Uint8Array {
  const result = new Uint8Array(bytes.byteLength)
  for (let index = 0; index < bytes.byteLength; index++) {
    const within = index % width
    result[index - within + (width - 1 - within)] = bytes[index] ?? 0
  }
  return result
}

/** Moves every element of a column-major array to its row-major place. */
function rowMajor(bytes: Uint8Array, dims: readonly number[], width: number): Uint8Array {
  const result = new Uint8Array(bytes.byteLength)
  const position = dims.map(() => 0)
  const strides = dims.map((_, axis) => sizeOf(dims.slice(0, axis)))
  let source = 0
  for (let target = 0; target < result.byteLength; target += width) {
    result.set(bytes.subarray(source * width, source * width + width), target)
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      const stride = itemAt(strides, axis, 'axis')
      const next = itemAt(position, axis, 'axis') + 1
      source += stride
      if (next < itemAt(dims, axis, 'axis')) {
        position[axis] = next
        break
      }
      source -= next * stride
      position[axis] = 0
    }
  }
  return result
}

/** Tensors as an .npz archive: one .npy file each, deflated unless told otherwise. Same tensors, same bytes. */
export function writeNpz(
  tensors: ReadonlyMap<string, Tensor>,
  options: { readonly compress?: boolean } = {},
): Uint8Array<ArrayBuffer> {
  const level = (options.compress ?? true) ? 6 : 0
  const entries: Zippable = {}
  // A fixed date, the earliest that zip knows, keeps the bytes the same from run to run.
  for (const [name, tensor] of tensors)
    entries[`${name}.npy`] = [writeNpy(tensor), { level, mtime: new Date(1980, 0, 1) }]
  return zipSync(entries)
}

/**
 * The tensors of an .npz archive by name.
 *
 * @param name What messages call the file.
 * @param options.maxBytes The most that it may unpack to; default 4 GiB.
 * @throws DataError `npz-damaged` when it is no zip archive, `unpacks-too-large`, and what {@link readNpy} throws.
 */
export function readNpz(
  bytes: Uint8Array,
  name = 'npz data',
  { maxBytes }: { readonly maxBytes?: number | undefined } = {},
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>()
  for (const [path, content] of Object.entries(
    unzipBounded(bytes, name, { code: 'npz-damaged', maxBytes }),
  )) {
    tensors.set(path.replace(/\.npy$/, ''), readNpy(content, `${name}, ${path}`))
  }
  return tensors
}
