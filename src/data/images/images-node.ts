import sharp, { type Sharp } from 'sharp'
import { DataError } from '../../errors.ts'
import { readBytes, regularFile } from '../../tensor/reads-files.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { ImageReference } from '../parts.ts'
import type { ImageFindings } from './findings.ts'
import type { ImageSpec } from './input-spec.ts'
import type { ImageSize } from './preprocessor.ts'
import { decodeUncompressed } from './uncompressed.ts'

/** Images decoded at a time: enough to keep sharp's threads busy, few enough to stay small in memory. */
const atOnce = 32

const kernels = { nearest: 'nearest', bilinear: 'linear', bicubic: 'cubic', lanczos: 'lanczos3' } as const

/** The height and width that images came out with, and the place of the one that said so first. */
export interface CommonSize extends ImageSize {
  readonly place: string
}

/** Images that were decoded. */
export interface DecodedImages {
  /** uint8 [N, C, H, W] or [N, H, W, C]. */
  readonly inputs: Tensor<'uint8'>
  /** The places among those asked for of the images that could be decoded. */
  readonly rows: readonly number[]
  readonly size: CommonSize
}

/**
 * Decodes images into uint8 [N, C, H, W] or [N, H, W, C]. Transparent pixels are laid on black; the camera's orientation is
 * applied.
 *
 * @param findings Told of images that cannot be decoded, which are left out, and of what is done to others.
 * @param common The size that earlier images of the same data had.
 * @returns undefined where none could be decoded.
 * @throws DataError `image-size` naming the image.
 */
export async function decodeImages(
  images: readonly ImageReference[],
  spec: ImageSpec,
  findings: ImageFindings,
  common?: CommonSize,
): Promise<DecodedImages | undefined> {
  const channels = spec.channels === 'grey' ? 1 : 3
  let size = common
  let data = new Uint8Array()
  const rows: number[] = []
  for (let start = 0; start < images.length; start += atOnce) {
    const chunk = images.slice(start, start + atOnce)
    const decoded = await Promise.all(chunk.map((image) => decodedOrBad(image, spec, findings)))
    for (const [offset, image] of decoded.entries()) {
      if (!image) continue
      const place = chunk[offset]?.place ?? ''
      size ??= { height: image.height, width: image.width, place }
      const width1 = channels * size.height * size.width
      if (data.length === 0) data = new Uint8Array(images.length * width1)
      if (image.height !== size.height || image.width !== size.width) throw otherSize(image, place, size)
      placePixels(image.data, data, rows.length * width1, size.height * size.width, spec)
      rows.push(start + offset)
    }
  }
  if (size === undefined || rows.length === 0) return undefined
  const { height, width } = size
  const dims = spec.layout === 'NCHW' ? [channels, height, width] : [height, width, channels]
  const pixels = data.subarray(0, rows.length * channels * height * width)
  return { inputs: { type: 'uint8', dims: [rows.length, ...dims], data: pixels }, rows, size }
}

const otherSize = (image: ImageSize, place: string, size: CommonSize): DataError =>
  new DataError(
    'image-size',
    `${place}: this image is ${image.width} x ${image.height} pixels, but ${size.place} is ${size.width} x ${size.height}, and nothing says which size all of them are brought to. Write it into a file holdfast.json beside the model: {"resize": {"height": ${size.height}, "width": ${size.width}, "fit": "letterbox"}}; fit may be stretch, cover or letterbox.`,
  )

async function decodedOrBad(
  image: ImageReference,
  spec: ImageSpec,
  findings: ImageFindings,
): Promise<Decoded | undefined> {
  try {
    return await decodeOne(image, spec, findings)
  } catch (error) {
    if (!(error instanceof DataError && error.code === 'image-unreadable')) throw error
    findings.bad(error)
    return undefined
  }
}

/** Copies the interleaved pixels of one image into a row, in the spec's order of channels and layout. */
function placePixels(from: Uint8Array, to: Uint8Array, base: number, pixels: number, spec: ImageSpec): void {
  const channels = spec.channels === 'grey' ? 1 : 3
  const interleaved = spec.layout === 'NHWC'
  for (let channel = 0; channel < channels; channel++) {
    const source = spec.channels === 'bgr' ? channels - 1 - channel : channel
    const start = base + (interleaved ? channel : channel * pixels)
    const step = interleaved ? channels : 1
    for (let pixel = 0; pixel < pixels; pixel++) {
      to[start + pixel * step] = from[pixel * channels + source] ?? 0
    }
  }
}

/** Formats that sharp does not read are decoded first. */
async function open({ file = '', bytes }: ImageReference): Promise<Sharp> {
  const content = bytes ?? (/\.(bmp|dib|p[pgbn]m)$/i.test(file) ? await readBytes(file) : undefined)
  if (content === undefined) return sharp(file)
  const raw = decodeUncompressed(content)
  if (!raw) return sharp(content)
  const { data, width, height, channels } = raw
  return sharp(data, { raw: { width, height, channels } })
}

/** Notes what an image has that 8 bits of three channels do not keep, or that is changed. */
async function look(image: Sharp, place: string, findings: ImageFindings): Promise<void> {
  const { depth, hasAlpha, space, pages = 1, orientation = 1 } = await image.metadata()
  if (depth !== undefined && depth !== 'uchar' && depth !== 'char') findings.see('depth', place)
  // Many formats carry an alpha channel in which nothing is transparent.
  if (hasAlpha && !(await image.stats()).isOpaque) findings.see('alpha', place)
  if (space === 'cmyk') findings.see('cmyk', place)
  if (pages > 1) findings.see('pages', place)
  if (orientation > 1) findings.see('turned', place)
}

interface Decoded extends ImageSize {
  readonly data: Uint8Array
}

async function decodeOne(
  reference: ImageReference,
  spec: ImageSpec,
  findings: ImageFindings,
): Promise<Decoded> {
  const { place } = reference
  const channels = spec.channels === 'grey' ? 1 : 3
  try {
    const opened = await open(reference)
    await look(opened, place, findings)
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
    return { data, height: info.height, width: info.width }
  } catch (error) {
    if (error instanceof DataError) throw error
    // The decoder says of files that cannot be read as little as of damaged ones.
    if (reference.file !== undefined) await regularFile(reference.file, { code: 'image-unreadable' })
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
  const { code, message } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { code: '', message: String(error) }
  if (code === 'ENOENT' || /missing|no such file/i.test(message)) return 'there is no such file'
  if (/failOn|premature end/i.test(message)) return 'it is damaged, perhaps cut off'
  return message.replaceAll(/\s+/g, ' ').trim()
}
