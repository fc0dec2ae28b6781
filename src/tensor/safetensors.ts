import { DataError, UsageError } from '../errors.ts'
import { byteLengthOf, bytesOf, tensorFromBytes } from './bytes.ts'
import type { DType, Tensor } from './tensor.ts'

const names = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
  float8e4m3fn: 'F8_E4M3',
  float8e5m2: 'F8_E5M2',
} as const satisfies Partial<Record<DType, string>>
type SafeType = keyof typeof names

const isSafeType = (type: DType): type is SafeType => type in names
const types = new Map(Object.keys(names).map((type) => [names[type as SafeType] as string, type as SafeType]))

/** The format's own bound on the length of the header. */
const MAX_HEADER = 100_000_000
const METADATA = '__metadata__'

const utf8 = new TextEncoder()
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Tensors in the safetensors format (https://github.com/huggingface/safetensors). The same tensors give the same bytes
 * in whatever order they come: wider types first, then by name, so that every tensor is aligned and there are no gaps.
 *
 * @throws UsageError `safetensors-type` for a type that the format lacks, `safetensors-name` for the reserved name.
 * @example
 * const bytes = writeSafetensors(new Map([['weight', float32([2], [1, 2])]]), { format: 'pt' })
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const entries = Array.from(tensors, ([name, tensor]) => describe(name, tensor))
  entries.sort(
    (a, b) => b.tensor.data.BYTES_PER_ELEMENT - a.tensor.data.BYTES_PER_ELEMENT || (a.name < b.name ? -1 : 1),
  )
  const members: string[] = []
  const facts = Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))
  if (facts.length > 0)
    members.push(member(METADATA, `{${facts.map(([key, value]) => member(key, JSON.stringify(value)))}}`))
  let end = 0
  for (const { name, dtype, tensor, bytes } of entries) {
    const begin = end
    end += bytes.byteLength
    members.push(member(name, JSON.stringify({ dtype, shape: tensor.dims, data_offsets: [begin, end] })))
  }
  const text = utf8.encode(`{${members.join(',')}}`)
  // Spaces fill the header up, so that the data starts at a multiple of eight.
  const headerLength = Math.ceil(text.byteLength / 8) * 8
  const file = new Uint8Array(8 + headerLength + end)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true)
  file.fill(0x20, 8, 8 + headerLength)
  file.set(text, 8)
  let offset = 8 + headerLength
  for (const { bytes } of entries) {
    file.set(bytes, offset)
    offset += bytes.byteLength
  }
  return file
}

function member(key: string, json: string): string {
  return `${JSON.stringify(key)}:${json}`
}

function describe(name: string, tensor: Tensor) {
  if (name === METADATA) {
    throw new UsageError(
      'safetensors-name',
      `A tensor cannot be called ${METADATA}: safetensors keeps its metadata there.`,
    )
  }
  if (!isSafeType(tensor.type)) {
    throw new UsageError(
      'safetensors-type',
      `Tensor ${JSON.stringify(name)} has type ${tensor.type}, which safetensors cannot hold. It holds ${Object.keys(names).join(', ')}.`,
    )
  }
  const bytes = bytesOf(tensor)
  const expected = byteLengthOf(tensor.type, tensor.dims)
  if (bytes.byteLength !== expected) {
    throw new UsageError(
      'tensor-size',
      `Tensor ${JSON.stringify(name)} of type ${tensor.type} and dims [${tensor.dims}] needs ${expected} bytes, but its data has ${bytes.byteLength}.`,
    )
  }
  return { name, dtype: names[tensor.type], tensor: tensor as Tensor<SafeType>, bytes }
}

export interface Safetensors {
  /** In the order in which their data lies in the file. They are views of the file's bytes where aligned. */
  readonly tensors: Map<string, Tensor>
  readonly metadata: Record<string, string>
}

/**
 * The tensors and metadata of a safetensors file. Everything the format demands is checked: nothing is read past a
 * bound, no two tensors share bytes, and no byte is without a tensor.
 *
 * @param name What messages call the file.
 * @throws DataError `safetensors-truncated`, `safetensors-header`, `safetensors-type`, `safetensors-shape`,
 * `safetensors-offsets`.
 */
export function readSafetensors(bytes: Uint8Array, name = 'safetensors data'): Safetensors {
  const { header, start } = readHeader(bytes, name)
  const available = bytes.byteLength - start
  const { [METADATA]: metadata = {}, ...rest } = header
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw new DataError(
      'safetensors-header',
      `${name}: ${METADATA} must map names to strings, but it does not.`,
    )
  }
  const entries = Object.entries(rest).map(([key, entry]) => readEntry(key, entry, available, name))
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let reached = 0
  const tensors = new Map<string, Tensor>()
  for (const { key, type, dims, begin, end } of entries) {
    if (begin !== reached) {
      const problem =
        begin < reached ? 'overlaps the tensor before it' : `leaves ${begin - reached} bytes before it unused`
      throw new DataError(
        'safetensors-offsets',
        `${name}, tensor ${JSON.stringify(key)}: it starts at byte ${begin} of the data and ${problem}; ${reached} was expected. The file is damaged.`,
      )
    }
    reached = end
    tensors.set(key, tensorFromBytes(type, dims, bytes.subarray(start + begin, start + end)))
  }
  if (reached !== available) {
    throw new DataError(
      'safetensors-offsets',
      `${name}: its tensors end at byte ${reached} of the data, but the data has ${available} bytes. The file is damaged.`,
    )
  }
  return { tensors, metadata: metadata as Record<string, string> }
}

function readHeader(bytes: Uint8Array, name: string): { header: Record<string, unknown>; start: number } {
  if (bytes.byteLength < 8) {
    throw new DataError(
      'safetensors-truncated',
      `${name}: a safetensors file starts with 8 bytes of header length, but it has ${bytes.byteLength} bytes in all.`,
    )
  }
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true))
  if (length > MAX_HEADER) {
    throw new DataError(
      'safetensors-header',
      `${name}: the header would be ${length} bytes long, but the format allows ${MAX_HEADER}. This is probably no safetensors file.`,
    )
  }
  if (8 + length > bytes.byteLength) {
    throw new DataError(
      'safetensors-truncated',
      `${name}: the header is ${length} bytes long, but the file ends after ${bytes.byteLength - 8} of them.`,
    )
  }
  let header: unknown
  try {
    header = JSON.parse(strictUtf8.decode(bytes.subarray(8, 8 + length)))
  } catch (cause) {
    throw new DataError(
      'safetensors-header',
      `${name}: the header is not JSON in UTF-8. The file is damaged.`,
      { cause },
    )
  }
  if (!isRecord(header)) {
    throw new DataError(
      'safetensors-header',
      `${name}: the header must be a JSON object, but it is ${JSON.stringify(header)}.`,
    )
  }
  return { header, start: 8 + length }
}

function readEntry(key: string, entry: unknown, available: number, name: string) {
  const where = `${name}, tensor ${JSON.stringify(key)}`
  const { dtype, shape, data_offsets: offsets } = isRecord(entry) ? entry : {}
  const type = typeof dtype === 'string' ? types.get(dtype) : undefined
  if (type === undefined) {
    throw new DataError(
      'safetensors-type',
      `${where}: its dtype is ${JSON.stringify(dtype)}, but one of ${[...types.keys()].join(', ')} was expected.`,
    )
  }
  if (!isSizes(shape)) {
    throw new DataError(
      'safetensors-shape',
      `${where}: its shape is ${JSON.stringify(shape)}, but a list of sizes was expected.`,
    )
  }
  const [begin, end] = isSizes(offsets) && offsets.length === 2 ? offsets : []
  if (begin === undefined || end === undefined || begin > end || end > available) {
    throw new DataError(
      end !== undefined && end > available ? 'safetensors-truncated' : 'safetensors-offsets',
      `${where}: its data_offsets are ${JSON.stringify(offsets)}, but a begin and an end within the ${available} bytes of data were expected.`,
    )
  }
  const expected = byteLengthOf(type, shape)
  if (end - begin !== expected) {
    throw new DataError(
      'safetensors-shape',
      `${where}: dtype ${dtype} and shape [${shape}] need ${expected} bytes, but its data_offsets span ${end - begin}.`,
    )
  }
  return { key, type, dims: shape, begin, end }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}
