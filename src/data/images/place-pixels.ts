import type { ImageSpec } from './input-spec.ts'

/** Copies the interleaved pixels of one image into a row, in the spec's order of channels and layout. */
export function placePixels(
  from: Uint8Array,
  to: Uint8Array,
  pixels: number,
  { channels, layout }: Pick<ImageSpec, 'channels' | 'layout'>,
): void {
  const interleaved = layout === 'NHWC'
  if (channels === 'grey' || (interleaved && channels === 'rgb')) {
    to.set(from)
    return
  }
  const order = channels === 'bgr' ? ([2, 0] as const) : ([0, 2] as const)
  const inWords = pixels % 4 === 0 && from.byteOffset % 4 === 0 && to.byteOffset % 4 === 0
  if (!interleaved && inWords) {
    placeWords(words(from), words(to), pixels / 4, order)
    return
  }
  const [step, plane] = interleaved ? [3, 1] : [1, pixels]
  const [first, last] = order
  for (let pixel = 0, at = 0, put = 0; pixel < pixels; pixel++, at += 3, put += step) {
    to[put] = from[at + first] ?? 0
    to[put + plane] = from[at + 1] ?? 0
    to[put + 2 * plane] = from[at + last] ?? 0
  }
}

const words = (bytes: Uint8Array): Uint32Array =>
  new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)

/**
 * Channels apart, four pixels at a time: the twelve bytes RGBR GBRG BRGB become RRRR, GGGG and BBBB (little-endian, as every
 * machine that ONNX Runtime runs on).
 *
 * @param count Words of one channel.
 * @param order Which channel of the file comes first, and which last.
 */
function placeWords(
  from: Uint32Array,
  to: Uint32Array,
  count: number,
  [first, last]: readonly [number, number],
): void {
  for (let put = 0, at = 0; put < count; put++, at += 3) {
    const x = from[at] ?? 0
    const y = from[at + 1] ?? 0
    const z = from[at + 2] ?? 0
    to[put + first * count] = (x & 0xff) | ((x >>> 16) & 0xff00) | (y & 0xff0000) | ((z << 16) & 0xff000000)
    to[put + count] =
      ((x >>> 8) & 0xff) | ((y << 8) & 0xff00) | ((y >>> 8) & 0xff0000) | ((z << 8) & 0xff000000)
    to[put + last * count] = ((x >>> 16) & 0xff) | (y & 0xff00) | ((z << 16) & 0xff0000) | (z & 0xff000000)
  }
}
