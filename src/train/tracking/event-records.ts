import { MessageWriter } from '../../onnx/message-writer.ts'
import { concatenate } from '../../onnx/wire.ts'
import type { Measurement } from './tracker.ts'

/** Field numbers of TensorFlow's event.proto and summary.proto. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 }
const SUMMARY_VALUE = 1
const VALUE = { tag: 1, simpleValue: 2 }

/** The record that an event file begins with. */
export function versionRecord(seconds: number): Uint8Array {
  const writer = new MessageWriter()
  writer.float64(EVENT.wallTime, seconds)
  writer.text(EVENT.fileVersion, 'brain.Event:2')
  return framed(writer.finish())
}

/** A record of scalars. `seconds` is the time of day since 1970. */
export function scalarsRecord({ step, numbers }: Measurement, seconds: number): Uint8Array {
  const writer = new MessageWriter()
  writer.float64(EVENT.wallTime, seconds)
  writer.integer(EVENT.step, step)
  const summary = writer.begin(EVENT.summary)
  for (const [tag, value] of Object.entries(numbers)) {
    const start = writer.begin(SUMMARY_VALUE)
    writer.text(VALUE.tag, tag)
    writer.float32(VALUE.simpleValue, value)
    writer.end(start)
  }
  writer.end(summary)
  return framed(writer.finish())
}

/**
 * TFRecord's frame: the length as uint64, its checksum, the bytes, theirs. All numbers are little-endian.
 * https://www.tensorflow.org/tutorials/load_data/tfrecord
 */
function framed(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(bytes.byteLength), true)
  return concatenate([length, checksum(length), bytes, checksum(bytes)])
}

/** The masked CRC-32C: rotated right by 15 bits, plus a constant, so that checksums of checksums differ. */
function checksum(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes)
  const masked = new Uint8Array(4)
  new DataView(masked.buffer).setUint32(0, (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, true)
  return masked
}

/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78

const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? POLYNOMIAL : 0)
  return remainder
})

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (remainders[(crc ^ byte) & 255] ?? 0)
  return (crc ^ 0xffffffff) >>> 0
}
