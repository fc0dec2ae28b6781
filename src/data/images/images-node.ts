import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { DataError } from '../../errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { sorted } from '../names/index.ts'
import type { ImageReference } from '../parts.ts'
import type { ImageSpec } from './input-spec.ts'
import type { ImageSize } from './preprocessor.ts'

const imageName = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i
/** Images decoded at a time: enough to keep sharp's threads busy, few enough to stay small in memory. */
const atOnce = 32

const kernels = { nearest: 'nearest', bilinear: 'linear', bicubic: 'cubic', lanczos: 'lanczos3' } as const

/** The images of a folder `<class>/*`, and the class of each. */
export interface ImageListing {
  readonly images: readonly ImageReference[]
  readonly classes: readonly string[]
}

/**
 * Lists `folder/<class>/*`; the class of an image is its folder's name. Classes and files are taken in code-point order. Names that
 * begin with a dot are passed over; any other file that is not an image is an error.
 *
 * @throws DataError `image-folder` naming the file.
 */
export async function listClassFolders(folder: string): Promise<ImageListing> {
  const images: ImageReference[] = []
  const classes: string[] = []
  for (const name of await visibleFolders(folder)) {
    for (const image of await listImages(join(folder, name))) {
      images.push(image)
      classes.push(name)
    }
  }
  if (images.length > 0) return { images, classes }
  throw new DataError(
    'image-folder',
    `${folder}: expected folders of images, one for each class, found none.`,
  )
}

/** The images that lie in `folder` itself, as {@link listClassFolders} takes them. */
export async function listImages(folder: string): Promise<ImageReference[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const visible = entries.filter((entry) => !entry.name.startsWith('.'))
  const stranger = visible.find((entry) => entry.isDirectory() || !imageName.test(entry.name))
  if (stranger) {
    throw new DataError(
      'image-folder',
      `${join(folder, stranger.name)}: expected only images (jpg, png, webp, gif, tiff, avif) in a class's folder, found ${stranger.isDirectory() ? 'a folder' : 'another file'}. Move it away.`,
    )
  }
  return sorted(visible.map((entry) => entry.name)).map((name) => ({
    place: join(folder, name),
    file: join(folder, name),
  }))
}

/** The names of the folders in `folder` that do not begin with a dot, sorted. */
export async function visibleFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return sorted(
    entries.flatMap((entry) => (entry.isDirectory() && !entry.name.startsWith('.') ? [entry.name] : [])),
  )
}

/** The height and width that images came out with, and the place of the one that said so first. */
export interface CommonSize extends ImageSize {
  readonly place: string
}

/**
 * Decodes images into uint8 [N, C, H, W] or [N, H, W, C]. Transparent pixels are laid on black; the camera's orientation is
 * applied.
 *
 * @param common The size that earlier images of the same data had.
 * @throws DataError `image-unreadable`, `image-size` naming the image.
 */
export async function decodeImages(
  images: readonly ImageReference[],
  spec: ImageSpec,
  common?: CommonSize,
): Promise<{ readonly inputs: Tensor<'uint8'>; readonly size: CommonSize }> {
  const [first] = images
  const size = common ?? (first ? { ...(await decodeOne(first, spec)), place: first.place } : undefined)
  if (size === undefined) throw new DataError('data-empty', 'There are no images to decode.')
  const { height, width } = size
  const channels = spec.channels === 'grey' ? 1 : 3
  const width1 = channels * height * width
  const data = new Uint8Array(images.length * width1)
  for (let start = 0; start < images.length; start += atOnce) {
    const chunk = images.slice(start, start + atOnce)
    const decoded = await Promise.all(chunk.map((image) => decodeOne(image, spec)))
    for (const [offset, image] of decoded.entries()) {
      if (image.height !== height || image.width !== width) {
        throw new DataError(
          'image-size',
          `${chunk[offset]?.place}: this image is ${image.width} x ${image.height} pixels, but ${size.place} is ${width} x ${height}. Give a size to bring all of them to (resize).`,
        )
      }
      place(image.data, data, (start + offset) * width1, height * width, spec)
    }
  }
  const dims = spec.layout === 'NCHW' ? [channels, height, width] : [height, width, channels]
  return {
    inputs: { type: 'uint8', dims: [images.length, ...dims], data },
    size: { height, width, place: size.place },
  }
}

/** Copies the interleaved pixels of one image into a row, in the spec's order of channels and layout. */
function place(from: Uint8Array, to: Uint8Array, base: number, pixels: number, spec: ImageSpec): void {
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

interface Decoded extends ImageSize {
  readonly data: Uint8Array
}

async function decodeOne({ file, bytes, place }: ImageReference, spec: ImageSpec): Promise<Decoded> {
  const channels = spec.channels === 'grey' ? 1 : 3
  try {
    let image = sharp(bytes ?? file)
      .autoOrient()
      .flatten({ background: '#000' })
    const { resize, crop } = spec
    const kernel = kernels[spec.resample]
    // Without it JPEGs would be shrunk by the decoder first, which filters otherwise than was asked for.
    const common = { kernel, fastShrinkOnLoad: false } as const
    let size: ImageSize | undefined
    if (resize && resize.how !== 'shortest-edge') {
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
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataError(
      'image-unreadable',
      `${place}: the image cannot be decoded: ${reason}. Replace or remove it.`,
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
