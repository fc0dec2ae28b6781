import { createRequire } from 'node:module'
import type sharpModule from 'sharp'
import type { Sharp } from 'sharp'
import { DataError } from '../../errors.ts'
import type { ImageKind } from './findings.ts'
import type { ImageSpec } from './input-spec.ts'
import { plainHeader } from './plain-headers.ts'
import type { ImageSize } from './preprocessor.ts'
import { decodeUncompressed } from './uncompressed.ts'

const kernels = { nearest: 'nearest', bilinear: 'linear', bicubic: 'cubic', lanczos: 'lanczos3' } as const

let loaded: typeof sharpModule | undefined

/** Loaded where the first image is read: it takes a tenth of a second that most commands need not wait for. */
function sharpLibrary(): typeof sharpModule {
  loaded ??= createRequire(import.meta.url)('sharp') as typeof sharpModule
  return loaded
}

/** Formats that sharp does not read are decoded first. */
function open(bytes: Uint8Array): Sharp {
  const raw = decodeUncompressed(bytes)
  const sharp = sharpLibrary()
  if (!raw) return sharp(bytes)
  const { data, width, height, channels } = raw
  return sharp(data, { raw: { width, height, channels } })
}

/** What an image has that 8 bits of three channels do not keep, or that is changed. */
async function look(image: Sharp): Promise<readonly ImageKind[]> {
  const { depth, hasAlpha, space, pages = 1, orientation = 1 } = await image.metadata()
  const kinds: ImageKind[] = []
  if (depth !== undefined && depth !== 'uchar' && depth !== 'char') kinds.push('depth')
  // Many formats carry an alpha channel in which nothing is transparent.
  if (hasAlpha && !(await image.stats()).isOpaque) kinds.push('alpha')
  if (space === 'cmyk') kinds.push('cmyk')
  if (pages > 1) kinds.push('pages')
  if (orientation > 1) kinds.push('turned')
  return kinds
}

/** An image's pixels, its channels interleaved: red, green, blue, or grey alone. */
export interface DecodedImage extends ImageSize {
  readonly data: Uint8Array
  /** What is special about it, and to be said. */
  readonly kinds: readonly ImageKind[]
}

/** All that pixels depend on beside the file. Small images come out of other decoders as they do of these. */
export const imageRecipe = (spec: ImageSpec): unknown => ({
  rows: 1,
  spec,
  decoders: sharpLibrary().versions,
})

/**
 * Decodes an image of any format that is read, as the spec has it resized, cropped and coloured.
 *
 * @throws DataError `image-unreadable`
 */
export async function decodeBySharp(
  bytes: Uint8Array,
  spec: ImageSpec,
  place: string,
): Promise<DecodedImage> {
  const channels = spec.channels === 'grey' ? 1 : 3
  try {
    const opened = open(bytes)
    // Asking costs as much as decoding a small image. The header of a plain JPEG says that there is nothing to be found.
    const plain = plainHeader(bytes)?.format === 'jpeg'
    const kinds = plain ? [] : await look(opened)
    let image = opened.autoOrient().flatten({ background: '#000' })
    const { resize, crop } = spec
    const kernel = kernels[spec.resample]
    // Without it JPEGs would be shrunk by the decoder first, which filters otherwise than was asked for.
    const common = { kernel, fastShrinkOnLoad: false } as const
    let size: ImageSize | undefined
    if (resize?.how === 'letterbox') {
      const { height, width, fill, align } = resize
      const [r, g, b] = typeof fill === 'number' ? [fill, fill, fill] : fill
      const position = align === 'start' ? 'left top' : 'centre'
      image = image.resize({ width, height, fit: 'contain', background: { r, g, b }, position, ...common })
      size = resize
    } else if (resize && resize.how !== 'shortest-edge') {
      const { height, width, how } = resize
      image = image.resize({ width, height, fit: how === 'cover' ? 'cover' : 'fill', ...common })
      size = resize
    } else if (resize || crop) {
      size = (await image.metadata()).autoOrient
      if (resize) {
        size = shortestEdge(size, resize.edge)
        image = image.resize({ ...size, fit: 'fill', ...common })
      }
    }
    if (crop && size) image = cropMiddle(image, size, crop)
    image = channels === 1 ? image.greyscale().toColourspace('b-w') : image.toColourspace('srgb')
    const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
    if (info.channels !== channels) {
      throw new DataError(
        'image-unreadable',
        `${place}: expected ${channels} channels, found ${info.channels}.`,
      )
    }
    // One type of array, whichever decoder it comes from, keeps loops over pixels fast.
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.length)
    return { data: pixels, height: info.height, width: info.width, kinds }
  } catch (error) {
    if (error instanceof DataError) throw error
    throw new DataError(
      'image-unreadable',
      `${place}: the image cannot be decoded: ${reasonOf(error)}. Replace or remove it.`,
      { cause: error },
    )
  }
}

/** The shortest edge at `edge` pixels, the other rounded down: as torchvision and transformers do it. */
function shortestEdge({ height, width }: ImageSize, edge: number): ImageSize {
  return height <= width
    ? { height: edge, width: Math.floor((edge * width) / height) }
    : { height: Math.floor((edge * height) / width), width: edge }
}

function cropMiddle(image: Sharp, size: ImageSize, crop: ImageSize): Sharp {
  const missing = {
    height: Math.max(0, crop.height - size.height),
    width: Math.max(0, crop.width - size.width),
  }
  const top = Math.floor(Math.max(0, size.height - crop.height) / 2)
  const left = Math.floor(Math.max(0, size.width - crop.width) / 2)
  return image
    .extract({
      top,
      left,
      height: Math.min(crop.height, size.height),
      width: Math.min(crop.width, size.width),
    })
    .extend({
      top: Math.ceil(missing.height / 2),
      bottom: Math.floor(missing.height / 2),
      left: Math.ceil(missing.width / 2),
      right: Math.floor(missing.width / 2),
      background: '#000',
    })
}

/** What the decoder says, in words that help: its own name for a stricter reading does not. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  if (/failOn|premature end/i.test(message)) return 'it is damaged, perhaps cut off'
  return message.replaceAll(/\s+/g, ' ').trim()
}
