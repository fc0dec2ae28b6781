import { DataError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type CachedRow, contentKey, type NewRow, type RowCache } from '../cache/index-files.ts'
import type { ImageReference } from '../parts.ts'
import { type DecodedImage, decodeBySharp } from './decode-sharp-node.ts'
import { type ImageFindings, kindsOf, marksOf } from './findings.ts'
import { flatAdvice, resizeAdvice } from './flat-images.ts'
import { imageBytes } from './image-bytes-files.ts'
import type { ImageSpec } from './input-spec.ts'
import { placePixels } from './place-pixels.ts'
import type { ImageSize } from './preprocessor.ts'
import { decodeSmall } from './small-images-node.ts'

/** Images whose pixels are held at a time beside the rows. */
const atOnce = 32
/** Files and decoders at work at a time: enough to keep sharp's threads busy, few enough to stay small in memory. */
const lanes = 8

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

/** What images of one data set are decoded with. */
export interface ImageDecoding {
  readonly spec: ImageSpec
  /** Told of images that cannot be decoded, which are left out, and of what is done to others. */
  readonly findings: ImageFindings
  /** Rows decoded before; they are as the spec lays them out. */
  readonly cache?: RowCache | undefined
  /** The size that earlier images of the same data had. */
  readonly size?: CommonSize | undefined
  /** How many numbers the model reads, where its input is a row of numbers. */
  readonly numbers?: number | undefined
  /** Where so many rows are put, once the first image says how many bytes each takes; may throw where they are too many. Default new memory. */
  readonly room?: ((rows: number, rowBytes: number) => Uint8Array<ArrayBuffer>) | undefined
}

/**
 * Decodes images into uint8 [N, C, H, W] or [N, H, W, C]. Transparent pixels are laid on black; the camera's orientation is
 * applied.
 *
 * @returns undefined where none could be decoded.
 * @throws DataError `image-size` naming the image.
 */
export async function decodeImages(
  images: readonly ImageReference[],
  decoding: ImageDecoding,
): Promise<DecodedImages | undefined> {
  const { spec, findings, cache, room = (count, bytes) => new Uint8Array(count * bytes) } = decoding
  const channels = spec.channels === 'grey' ? 1 : 3
  let size = decoding.size
  let data = new Uint8Array()
  const rows: number[] = []
  for (let start = 0; start < images.length; start += atOnce) {
    const chunk = images.slice(start, start + atOnce)
    const begun = performance.now()
    const found = await inLanes(chunk, (image) => oneImage(image, decoding))
    const milliseconds = performance.now() - begun
    const decoded: NewRow[] = []
    for (const [offset, image] of found.entries()) {
      if (!image) continue
      const { place } = itemAt(chunk, offset, 'image')
      size ??= { height: image.height, width: image.width, place }
      const width1 = channels * size.height * size.width
      if (data.length === 0) data = room(images.length, width1)
      if (image.height !== size.height || image.width !== size.width)
        throw otherSize(image, place, size, decoding.numbers)
      const row = data.subarray(rows.length * width1, (rows.length + 1) * width1)
      const { kinds } = image
      if ('cached' in image) row.set(image.cached)
      else placePixels(image.data, row, size.height * size.width, spec)
      for (const kind of kinds) findings.see(kind, place)
      if ('key' in image && image.key !== undefined)
        decoded.push({ key: image.key, marks: marksOf(kinds), bytes: row })
      rows.push(start + offset)
    }
    if (size) await cache?.add(decoded, dimsOf(spec, size), milliseconds)
  }
  if (size === undefined || rows.length === 0) return undefined
  const pixels = data.subarray(0, rows.length * channels * size.height * size.width)
  return { inputs: { type: 'uint8', dims: [rows.length, ...dimsOf(spec, size)], data: pixels }, rows, size }
}

/** What an action gives for each item, in order, with a few at work at a time. */
async function inLanes<T, R>(items: readonly T[], action: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const next = items.entries()
  const lane = async (): Promise<void> => {
    for (const [at, item] of next) results[at] = await action(item)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return results
}

function dimsOf({ channels, layout }: ImageSpec, { height, width }: ImageSize): number[] {
  const count = channels === 'grey' ? 1 : 3
  return layout === 'NCHW' ? [count, height, width] : [height, width, count]
}

const otherSize = (
  image: ImageSize,
  place: string,
  size: CommonSize,
  numbers: number | undefined,
): DataError =>
  new DataError(
    'image-size',
    `${place}: this image is ${image.width} x ${image.height} pixels, but ${size.place} is ${size.width} x ${size.height}, and nothing says which size all of them are brought to. ${numbers === undefined ? resizeAdvice(size) : flatAdvice(numbers, [size, image])}`,
  )

/** An image decoded now, with the key that it goes into the cache under; or the row that was cached. */
type Found =
  | (DecodedImage & { readonly key: string | undefined })
  | (ImageSize & { readonly cached: Uint8Array; readonly kinds: DecodedImage['kinds'] })

/** @returns undefined for an image that cannot be decoded, of which the findings know then. */
async function oneImage(
  { place, bytes, file = '' }: ImageReference,
  { spec, findings, cache }: ImageDecoding,
): Promise<Found | undefined> {
  try {
    const content = bytes ?? (await imageBytes(file, place))
    const key = cache && contentKey(content)
    const row = key === undefined ? undefined : cache?.find(key)
    const cached = row && cachedImage(row, spec)
    if (cached) return cached
    return { ...((await decodeSmall(content, spec)) ?? (await decodeBySharp(content, spec, place))), key }
  } catch (error) {
    if (!(error instanceof DataError && error.code === 'image-unreadable')) throw error
    findings.bad(error)
    return undefined
  }
}

function cachedImage(row: CachedRow, { layout, channels }: ImageSpec): Found | undefined {
  const [first = 0, second = 0, third = 0] = row.dims
  const [height, width, count] = layout === 'NCHW' ? [second, third, first] : [first, second, third]
  if (count !== (channels === 'grey' ? 1 : 3)) return undefined
  const cached = new Uint8Array(count * height * width)
  return row.read(cached) ? { cached, height, width, kinds: kindsOf(row.marks) } : undefined
}
