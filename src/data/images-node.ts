import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { DataError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { sorted } from './labels.ts'
import type { RawPart } from './parts.ts'

const imageName = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i
/** Files decoded at a time: enough to keep sharp's threads busy, few enough to stay small in memory. */
const atOnce = 32

export interface ImageOptions {
  /** Brings every image to this size in pixels (by covering it and cropping the middle); default: images as they are, all of one size. */
  readonly resize?: { readonly height: number; readonly width: number } | undefined
  /** 3 for red, green, blue (default); 1 for grey. */
  readonly channels?: 1 | 3 | undefined
}

/**
 * Reads `folder/<class>/*` into inputs uint8 [N, C, H, W]; the label of an image is its folder's name. Classes and files
 * are taken in code-point order. Transparent pixels are laid on black; the camera's orientation is applied. Names that
 * begin with a dot are passed over; any other file that is not an image is an error.
 *
 * @throws DataError `image-folder`, `image-unreadable`, `image-size` naming the file.
 */
export async function readImageFolder(folder: string, options: ImageOptions = {}): Promise<RawPart> {
  const files: string[] = []
  const values: string[] = []
  for (const name of await visibleFolders(folder)) {
    const entries = await readdir(join(folder, name), { withFileTypes: true })
    const visible = entries.filter((entry) => !entry.name.startsWith('.'))
    const stranger = visible.find((entry) => entry.isDirectory() || !imageName.test(entry.name))
    if (stranger) {
      throw new DataError(
        'image-folder',
        `${join(folder, name, stranger.name)}: expected only images (jpg, png, webp, gif, tiff, avif) in a class's folder, found ${stranger.isDirectory() ? 'a folder' : 'another file'}. Move it away.`,
      )
    }
    for (const file of sorted(visible.map((entry) => entry.name))) {
      files.push(join(folder, name, file))
      values.push(name)
    }
  }
  if (files.length === 0) {
    throw new DataError(
      'image-folder',
      `${folder}: expected folders of images, one for each class, found none.`,
    )
  }
  return { inputs: await decode(files, options), labels: { values, locate: (row) => files[row] ?? folder } }
}

/** The names of the folders in `folder` that do not begin with a dot, sorted. */
export async function visibleFolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  return sorted(
    entries.flatMap((entry) => (entry.isDirectory() && !entry.name.startsWith('.') ? [entry.name] : [])),
  )
}

async function decode(files: readonly string[], options: ImageOptions): Promise<Tensor<'uint8'>> {
  const first = await decodeOne(files[0] ?? '', options)
  const { height, width, channels } = first
  const pixels = height * width
  const data = new Uint8Array(files.length * channels * pixels)
  for (let start = 0; start < files.length; start += atOnce) {
    const chunk = files.slice(start, start + atOnce)
    const images = await Promise.all(chunk.map((file) => decodeOne(file, options)))
    for (const [offset, image] of images.entries()) {
      if (image.height !== height || image.width !== width) {
        throw new DataError(
          'image-size',
          `${chunk[offset]}: this image is ${image.width} x ${image.height} pixels, but ${files[0]} is ${width} x ${height}. Give a size to bring all of them to (resize).`,
        )
      }
      const base = (start + offset) * channels * pixels
      for (let channel = 0; channel < channels; channel++) {
        const plane = base + channel * pixels
        for (let pixel = 0; pixel < pixels; pixel++) {
          data[plane + pixel] = image.data[pixel * channels + channel] ?? 0
        }
      }
    }
  }
  return { type: 'uint8', dims: [files.length, channels, height, width], data }
}

interface Decoded {
  readonly data: Uint8Array
  readonly height: number
  readonly width: number
  readonly channels: number
}

async function decodeOne(file: string, { resize, channels = 3 }: ImageOptions): Promise<Decoded> {
  try {
    let image = sharp(file).autoOrient().flatten({ background: '#000' })
    if (resize) image = image.resize({ width: resize.width, height: resize.height, fit: 'cover' })
    image = channels === 1 ? image.greyscale().toColourspace('b-w') : image.toColourspace('srgb')
    const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
    if (info.channels !== channels) {
      throw new DataError(
        'image-unreadable',
        `${file}: expected ${channels} channels, found ${info.channels}.`,
      )
    }
    return { data, height: info.height, width: info.width, channels }
  } catch (error) {
    if (error instanceof DataError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataError(
      'image-unreadable',
      `${file}: the image cannot be decoded: ${reason}. Replace or remove it.`,
      {
        cause: error,
      },
    )
  }
}
