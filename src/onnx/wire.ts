import { ModelError } from '../errors.ts'

/** Wire type 2 of protobuf: a length, then that many bytes. */
const LENGTH_DELIMITED = 2

/** `value` (a non-negative safe integer) as protobuf's base-128 varint. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

/** The bytes that announce a length-delimited field: its tag and its length. */
export function fieldHead(fieldNumber: number, length: number): Uint8Array {
  return concatenate([varint(fieldNumber * 8 + LENGTH_DELIMITED), varint(length)])
}

export function totalLength(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((total, chunk) => total + chunk.byteLength, 0)
}

export function concatenate(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(totalLength(chunks))
  let offset = 0
  for (const chunk of chunks) {
    joined.set(chunk, offset)
    offset += chunk.byteLength
  }
  return joined
}

/** One field of an encoded message, by its place in the bytes. */
export interface WireField {
  readonly number: number
  readonly wireType: number
  /** Where its tag starts. */
  readonly start: number
  /** Where its value starts, after the length of a length-delimited one. */
  readonly value: number
  /** Where the next field starts. */
  readonly end: number
}

/**
 * Bytes that are no protobuf message, or that end in the middle of one: ModelError `model-damaged`. Protobuf's own reader
 * passes over some of it.
 */
export class WireError extends ModelError {
  /** What is wrong and where, for messages that say more. */
  readonly problem: string
  readonly truncated: boolean
  constructor(problem: string, truncated: boolean) {
    super(
      'model-damaged',
      `The bytes of the model cannot be taken apart: ${problem}. It is damaged: export or download it again.`,
    )
    this.problem = problem
    this.truncated = truncated
  }
}

/**
 * The fields of the message that lies between `start` and `end`, in the order in which they were written.
 *
 * @throws WireError
 */
export function* wireFields(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.byteLength,
): Generator<WireField> {
  let position = start
  while (position < end) {
    const tag = readVarint(bytes, position, end)
    const number = Math.floor(tag.value / 8)
    const wireType = tag.value % 8
    if (number === 0 || number >= 2 ** 29) throw new WireError(`byte ${position} starts no field`, false)
    const value = wireType === LENGTH_DELIMITED ? readVarint(bytes, tag.end, end).end : tag.end
    const next = skipValue(bytes, number, wireType, tag.end, end)
    if (next > end) {
      throw new WireError(`field ${number} at byte ${position} would end at byte ${next}, past ${end}`, true)
    }
    yield { number, wireType, start: position, value, end: next }
    position = next
  }
}

function skipValue(
  bytes: Uint8Array,
  number: number,
  wireType: number,
  position: number,
  end: number,
): number {
  switch (wireType) {
    case 0:
      return readVarint(bytes, position, end).end
    case 1:
      return position + 8
    case LENGTH_DELIMITED: {
      const length = readVarint(bytes, position, end)
      return length.end + length.value
    }
    case 3:
      return skipGroup(bytes, number, position, end)
    case 5:
      return position + 4
    default:
      throw new WireError(`byte ${position} has wire type ${wireType}, which protobuf does not have`, false)
  }
}

/** Past the tag that ends the group; groups nest. */
function skipGroup(bytes: Uint8Array, number: number, start: number, end: number): number {
  let position = start
  while (position < end) {
    const tag = readVarint(bytes, position, end)
    const inner = Math.floor(tag.value / 8)
    if (tag.value % 8 === 4) {
      if (inner === number) return tag.end
      throw new WireError(`byte ${position} ends group ${inner} within group ${number}`, false)
    }
    position = skipValue(bytes, inner, tag.value % 8, tag.end, end)
  }
  throw new WireError(`group ${number} at byte ${start} does not end`, true)
}

/** Exact up to 2^53; a larger value (a negative int64) is only good for skipping. */
function readVarint(bytes: Uint8Array, start: number, end: number): { value: number; end: number } {
  let value = 0
  for (let index = 0; index < 10; index++) {
    const byte = bytes[start + index]
    if (start + index >= end || byte === undefined)
      throw new WireError(`it ends within a number at byte ${start}`, true)
    value += (byte & 127) * 2 ** (7 * index)
    if (byte < 128) return { value, end: start + index + 1 }
  }
  throw new WireError(`byte ${start} starts a number of more than ten bytes`, false)
}
