import type { ImageSize } from './preprocessor.ts'

/** What the header of an image says, where nothing in the file asks for more than turning its samples into pixels. */
export interface PlainHeader extends ImageSize {
  readonly format: 'jpeg' | 'png'
  readonly colours: 'grey' | 'rgb'
}

/**
 * Reads the header of a JPEG or PNG that is plain: 8 bits or fewer, grey or RGB, and nothing that turns it, gives it a profile
 * of colours, several frames or another colour space. Such an image looks the same to every decoder that follows the standard.
 *
 * @returns undefined for everything else, damaged files included.
 */
export function plainHeader(bytes: Uint8Array): PlainHeader | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return jpegHeader(bytes)
  if (pngMark.every((byte, at) => bytes[at] === byte)) return pngHeader(bytes)
  return undefined
}

const bigEndian16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
const bigEndian32 = (bytes: Uint8Array, at: number): number =>
  bigEndian16(bytes, at) * 2 ** 16 + bigEndian16(bytes, at + 2)

/** Segments that say nothing of how pixels look: JFIF, tables, restarts, comments. */
const plainSegments = new Set([0xe0, 0xdb, 0xc4, 0xdd, 0xfe])
/** Baseline, extended sequential and progressive frames, Huffman-coded. */
const plainFrames = new Set([0xc0, 0xc1, 0xc2])
const startOfScan = 0xda

/** ITU-T T.81, annex B: segments of a marker and a length, up to the first scan. */
function jpegHeader(bytes: Uint8Array): PlainHeader | undefined {
  let header: PlainHeader | undefined
  for (let at = 2; at + 4 <= bytes.length; at += 2 + bigEndian16(bytes, at + 2)) {
    const marker = bytes[at + 1] ?? 0
    if (bytes[at] !== 0xff) return undefined
    if (marker === startOfScan) return header
    if (plainFrames.has(marker)) {
      header = frameHeader(bytes, at + 4)
      if (!header) return undefined
    } else if (!plainSegments.has(marker)) {
      return undefined
    }
  }
  return undefined
}

/** How densely brightness is sampled, beside colours: 4:4:4, 4:2:2 and 4:2:0. */
const usualSampling = new Set([0x11, 0x21, 0x22])

/** Components that are numbered 1, 2, 3 are Y, Cb, Cr: other numbers may stand for other colours. */
function frameHeader(bytes: Uint8Array, at: number): PlainHeader | undefined {
  const [bits, height, width, components] = [
    bytes[at],
    bigEndian16(bytes, at + 1),
    bigEndian16(bytes, at + 3),
    bytes[at + 5],
  ]
  const component = (index: number) => [bytes[at + 6 + 3 * index], bytes[at + 7 + 3 * index] ?? 0] as const
  if (bits !== 8 || height === 0 || width === 0) return undefined
  const size = { format: 'jpeg', height, width } as const
  const [first, sampling] = component(0)
  if (components === 1) return sampling === 0x11 ? { ...size, colours: 'grey' } : undefined
  if (components !== 3 || first !== 1 || !usualSampling.has(sampling)) return undefined
  const others = [1, 2].every((index) => {
    const [id, each] = component(index)
    return id === index + 1 && each === 0x11
  })
  return others ? { ...size, colours: 'rgb' } : undefined
}

const pngMark = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/** Chunks that say nothing of how pixels look to libvips. */
const plainChunks = new Set(['IHDR', 'PLTE', 'IDAT', 'IEND', 'tIME', 'pHYs', 'sRGB', 'gAMA', 'cHRM'])
const colourTypes = new Map<number | undefined, PlainHeader['colours']>([
  [0, 'grey'],
  [2, 'rgb'],
  [3, 'rgb'],
  [4, 'grey'],
  [6, 'rgb'],
])

/** PNG, third edition, clause 5: chunks of a length, a type, content and a check sum, to the end. */
function pngHeader(bytes: Uint8Array): PlainHeader | undefined {
  const [width, height, bits] = [bigEndian32(bytes, 16), bigEndian32(bytes, 20), bytes[24] ?? 0]
  const colours = colourTypes.get(bytes[25])
  const interlaced = bytes[28] !== 0
  if (colours === undefined || bits > 8 || interlaced || width === 0 || height === 0) return undefined
  for (let at = 8; at + 12 <= bytes.length; at += 12 + bigEndian32(bytes, at)) {
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    if (!plainChunks.has(type) || (type === 'IHDR') !== (at === 8)) return undefined
    if (type === 'IEND') return { format: 'png', height, width, colours }
  }
  return undefined
}
