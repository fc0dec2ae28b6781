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
