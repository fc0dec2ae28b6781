/** Wire types of protobuf. */
const EIGHT_BYTES = 1
const LENGTH_DELIMITED = 2
const FOUR_BYTES = 5

/**
 * Writes protobuf messages into one buffer that grows; embedded messages are written first and their lengths put before
 * them afterwards. For messages by the thousand, where the library's writer takes ten times as long.
 *
 * @example
 * const writer = new MessageWriter()
 * const start = writer.begin(1)
 * writer.text(2, 'name')
 * writer.end(start)
 * const bytes = writer.finish()
 */
export class MessageWriter {
  private buffer = new Uint8Array(1 << 16)
  private position = 0
  private readonly utf8 = new TextEncoder()

  finish(): Uint8Array {
    return this.buffer.subarray(0, this.position)
  }

  /** Opens an embedded message; one byte is left for its length, enough for most. */
  begin(fieldNumber: number): number {
    this.reserve(11)
    this.varint(fieldNumber * 8 + LENGTH_DELIMITED)
    return ++this.position
  }

  /** Closes the message whose contents started at `start`, moving them if their length needs more than one byte. */
  end(start: number): void {
    const length = this.position - start
    this.reserve(10)
    let width = 1
    for (let rest = length; rest > 127; rest = Math.floor(rest / 128)) width++
    if (width > 1) this.buffer.copyWithin(start + width - 1, start, this.position)
    this.position = start - 1
    this.varint(length)
    this.position += length
  }

  text(fieldNumber: number, text: string): void {
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    this.reserve(11 + text.length * 3)
    this.varint(fieldNumber * 8 + LENGTH_DELIMITED)
    const start = ++this.position
    const { written } = this.utf8.encodeInto(text, this.buffer.subarray(start))
    this.position += written
    this.end(start)
  }

  bytes(fieldNumber: number, bytes: Uint8Array): void {
    this.reserve(11)
    this.varint(fieldNumber * 8 + LENGTH_DELIMITED)
    this.varint(bytes.byteLength)
    this.append(bytes)
  }

  /** Fields that are encoded already. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.byteLength)
    this.buffer.set(bytes, this.position)
    this.position += bytes.byteLength
  }

  /** An integer field; `value` is 0 or more. */
  integer(fieldNumber: number, value: number): void {
    this.reserve(20)
    this.varint(fieldNumber * 8)
    this.varint(value)
  }

  /** A `double`. */
  float64(fieldNumber: number, value: number): void {
    this.reserve(18)
    this.varint(fieldNumber * 8 + EIGHT_BYTES)
    new DataView(this.buffer.buffer).setFloat64(this.position, value, true)
    this.position += 8
  }

  /** A `float`. */
  float32(fieldNumber: number, value: number): void {
    this.reserve(14)
    this.varint(fieldNumber * 8 + FOUR_BYTES)
    new DataView(this.buffer.buffer).setFloat32(this.position, value, true)
    this.position += 4
  }

  private varint(value: number): void {
    let rest = value
    while (rest > 127) {
      this.buffer[this.position++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.buffer[this.position++] = rest
  }

  private reserve(length: number): void {
    if (this.position + length <= this.buffer.byteLength) return
    const larger = new Uint8Array(Math.max(this.buffer.byteLength * 2, this.position + length))
    larger.set(this.buffer.subarray(0, this.position))
    this.buffer = larger
  }
}
