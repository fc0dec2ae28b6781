import { count } from '../../count.ts'
import { DataError } from '../../errors.ts'
import type { ImagePlan, ImageSize } from './preprocessor.ts'

type Channels = 'rgb' | 'bgr' | 'grey'

/** Images and the numbers that they are to a model whose input is a row of numbers. */
interface FlatSize extends ImageSize {
  readonly channels: 1 | 3
}

/**
 * The size of images that are `numbers` numbers each: one that was seen, else a square, with three channels or one.
 *
 * @returns undefined where there is none.
 * @example flatSize(588, []) // { height: 14, width: 14, channels: 3 }
 */
export function flatSize(numbers: number, seen: readonly ImageSize[]): FlatSize | undefined {
  const sizes = ([3, 1] as const).flatMap((channels) => {
    const side = Math.sqrt(numbers / channels)
    return [...seen, { height: side, width: side }].map(({ height, width }) => ({ height, width, channels }))
  })
  return sizes.find(
    ({ height, width, channels }) => Number.isInteger(height) && height * width * channels === numbers,
  )
}

/** What holdfast.json says to bring images to a size, as a sentence of a message. */
export const resizeAdvice = ({ height, width }: ImageSize): string =>
  `Write it into a file holdfast.json beside the model: {"resize": {"height": ${height}, "width": ${width}, "fit": "letterbox"}}; fit may be stretch, cover or letterbox.`

/** The same for a model that reads so many numbers; it says so where no image is as many. */
export function flatAdvice(numbers: number, seen: readonly ImageSize[]): string {
  const size = flatSize(numbers, seen)
  return size
    ? `The model reads ${numbers} numbers, as ${size.width} x ${size.height} pixels of ${count(size.channels, 'channel')} are. ${resizeAdvice(size)}`
    : `The model reads ${numbers} numbers: bring the images to a size at which their pixels are as many.`
}

/**
 * How images become a row of numbers, as holdfast.json says.
 *
 * @param numbers How many the model reads; undefined where that is free.
 * @throws DataError `preprocessing-size` where the images have another number of values.
 */
export function flatImage(
  { channels, ...plan }: ImagePlan & { readonly channels: Channels | undefined },
  numbers: number | undefined,
  folder: string,
): ImagePlan & { readonly channels: Channels; readonly layout: 'NCHW' } {
  const size = plan.crop ?? (plan.resize && 'height' in plan.resize ? plan.resize : undefined)
  const pixels = size && size.height * size.width
  const settled = channels ?? (pixels !== undefined && pixels === numbers ? 'grey' : 'rgb')
  const values = pixels && pixels * (settled === 'grey' ? 1 : 3)
  if (size && numbers !== undefined && values !== numbers) {
    throw new DataError(
      'preprocessing-size',
      `${folder}, holdfast.json: images of ${size.width} x ${size.height} pixels and ${count(settled === 'grey' ? 1 : 3, 'channel')} are ${values} numbers, but the model reads ${numbers}. Correct resize, crop or channels.`,
    )
  }
  return { ...plan, channels: settled, layout: 'NCHW' }
}
