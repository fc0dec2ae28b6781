/** Pixels as they lie in a file that sharp does not read, for sharp to go on with. */
export interface RawImage {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
}

/** Larger images are damaged files, or attacks. */
const mostPixels = 2 ** 28

/**
 * BMP without compression and PNM (P1 to P6, up to 255), told by their first bytes.
 *
 * @returns undefined for other formats.
 * @throws Error saying what is wrong with the file.
 */
export function decodeUncompressed(bytes: Uint8Array): RawImage | undefined {
  if (bytes[0] === 0x42 && bytes[1] === 0x4d) return decodeBmp(bytes)
  if (bytes[0] === 0x50 && (bytes[1] ?? 0) >= 0x31 && (bytes[1] ?? 0) <= 0x36) return decodePnm(bytes)
  return undefined
}

function checkSize(width: number, height: number): void {
  if (width >= 1 && height >= 1 && width * height <= mostPixels) return
  throw new Error(`${width} x ${height} pixels are not possible`)
}

/** BITMAPINFOHEADER and its successors; rows from the bottom unless the height is negative, filled up to four bytes. */
function decodeBmp(bytes: Uint8Array): RawImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 54) throw new Error('the BMP ends within its header')
  const [start, header] = [view.getUint32(10, true), view.getUint32(14, true)]
  if (header < 40) throw new Error('a BMP of OS/2 is not read')
  const width = view.getInt32(18, true)
  const stored = view.getInt32(22, true)
  const height = Math.abs(stored)
  const [bits, compression] = [view.getUint16(28, true), view.getUint32(30, true)]
  checkSize(width, height)
  const masks = compression === 3 || compression === 6
  if ((compression !== 0 && !masks) || ![1, 4, 8, 24, 32].includes(bits) || (masks && bits !== 32)) {
    throw new Error(`a BMP of ${bits} bits with compression ${compression} is not read`)
  }
  const stride = Math.ceil((width * bits) / 32) * 4
  if (start + stride * height > bytes.length) throw new Error('the BMP is cut off')
  const colours = bits <= 8 ? bytes.subarray(14 + header, start) : undefined
  const shift = (at: number, usual: number) =>
    masks ? 31 - Math.clz32(view.getUint32(at, true) & -view.getUint32(at, true)) : usual
  const [red, green, blue] = [shift(54, 16), shift(58, 8), shift(62, 0)]
  const data = new Uint8Array(3 * width * height)
  for (let row = 0; row < height; row++) {
    const from = start + stride * (stored < 0 ? row : height - 1 - row)
    for (let column = 0; column < width; column++) {
      const to = 3 * (row * width + column)
      if (bits === 24) {
        const at = from + 3 * column
        data.set([bytes[at + 2] ?? 0, bytes[at + 1] ?? 0, bytes[at] ?? 0], to)
      } else if (bits === 32) {
        const pixel = view.getUint32(from + 4 * column, true)
        data.set([pixel >>> red, pixel >>> green, pixel >>> blue], to)
      } else {
        const bit = column * bits
        const index = ((bytes[from + (bit >> 3)] ?? 0) >> (8 - bits - (bit & 7))) & ((1 << bits) - 1)
        const at = 4 * index
        if (colours && at + 3 > colours.length) throw new Error(`the BMP has no colour ${index}`)
        data.set([colours?.[at + 2] ?? 0, colours?.[at + 1] ?? 0, colours?.[at] ?? 0], to)
      }
    }
  }
  return { data, width, height, channels: 3 }
}

function decodePnm(bytes: Uint8Array): RawImage {
  const kind = (bytes[1] ?? 0) - 0x30
  let at = 2
  const isSpace = (byte: number | undefined): boolean =>
    byte !== undefined && (byte === 32 || (byte >= 9 && byte <= 13))
  const number = (digits = Number.POSITIVE_INFINITY): number => {
    for (;;) {
      if (isSpace(bytes[at])) at++
      else if (bytes[at] === 0x23) while (at < bytes.length && bytes[at] !== 10) at++
      else break
    }
    let value = 0
    let count = 0
    for (
      let byte = bytes[at];
      count < digits && byte !== undefined && byte >= 48 && byte <= 57;
      byte = bytes[++at]
    ) {
      value = 10 * value + byte - 48
      count++
    }
    if (count === 0 || value > mostPixels)
      throw new Error('the PNM is cut off, or holds no number where one should be')
    return value
  }
  const [width, height] = [number(), number()]
  checkSize(width, height)
  const bitmap = kind === 1 || kind === 4
  const most = bitmap ? 1 : number()
  if (most < 1 || most > 255) throw new Error(`a PNM of values up to ${most} is not read, 255 is the most`)
  const channels = kind === 3 || kind === 6 ? 3 : 1
  const count = width * height * channels
  const scaled = (value: number): number =>
    bitmap ? 255 * (1 - value) : Math.round((255 * Math.min(value, most)) / most)
  if (kind <= 3) {
    const data = Uint8Array.from({ length: count }, () => scaled(number(bitmap ? 1 : undefined)))
    return { data, width, height, channels }
  }
  at++
  const stride = bitmap ? Math.ceil(width / 8) : width * channels
  if (at + stride * height > bytes.length) throw new Error('the PNM is cut off')
  const data = Uint8Array.from({ length: count }, (_, place) => {
    if (!bitmap) return scaled(bytes[at + place] ?? 0)
    const [row, column] = [Math.floor(place / width), place % width]
    return scaled(((bytes[at + row * stride + (column >> 3)] ?? 0) >> (7 - (column & 7))) & 1)
  })
  return { data, width, height, channels }
}
