import type { DecodedImage } from './decode-sharp-node.ts'
import type { ImageSpec } from './input-spec.ts'
import { plainHeader } from './plain-headers.ts'
import type { ImageSize } from './preprocessor.ts'
import { smallDecoder } from './small-codecs-node.ts'

/** Up to these sizes the calling thread is faster than sharp on several. */
const mostPixels = { jpeg: 128 * 128, png: 80 * 80 } as const
/** What is longer packs more than pixels, and might unpack to very much. */
const mostBytes = 2 ** 16

/**
 * Decodes a small, plain JPEG or PNG that is neither resized nor cropped, to the same pixels as sharp, whose way through libvips
 * costs half a millisecond however small an image is.
 *
 * @returns undefined for all others, damaged ones among them: what is wrong is sharp's to say.
 */
export async function decodeSmall(bytes: Uint8Array, spec: ImageSpec): Promise<DecodedImage | undefined> {
  if (bytes.length > mostBytes) return undefined
  const header = plainHeader(bytes)
  if (!header || header.height * header.width > mostPixels[header.format] || !keepsSize(spec, header))
    return undefined
  // Which grey a colour has is libvips' to say.
  if (spec.channels === 'grey' && header.colours !== 'grey') return undefined
  const data = (await smallDecoder(header.format))(bytes, header)
  if (!data) return undefined
  const { height, width } = header
  return { data: spec.channels === 'grey' ? data : asRgb(data, height * width), height, width, kinds: [] }
}

/** Whether an image of this size is neither resized nor cropped. */
function keepsSize({ resize, crop }: ImageSpec, { height, width }: ImageSize): boolean {
  const same = (other: ImageSize): boolean => other.height === height && other.width === width
  if (crop && !same(crop)) return false
  if (!resize) return true
  return resize.how === 'shortest-edge' ? Math.min(height, width) === resize.edge : same(resize)
}

/** Grey pixels as three equal channels. */
function asRgb(data: Uint8Array, pixels: number): Uint8Array {
  if (data.length !== pixels) return data
  const rgb = new Uint8Array(3 * pixels)
  for (let pixel = 0; pixel < pixels; pixel++) rgb.fill(data[pixel] ?? 0, 3 * pixel, 3 * pixel + 3)
  return rgb
}
