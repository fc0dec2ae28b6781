import { UsageError } from '../../errors.ts'
import { type Dataset, kindOf } from '../dataset.ts'
import { describe } from '../rows.ts'
import { type AugmentSpec, augmentText, mixes, parseAugment } from './spec.ts'

/** Rows that are images, and where their axes are. */
export interface ImageForm {
  readonly type: 'uint8' | 'float32'
  readonly channels: number
  readonly height: number
  readonly width: number
  /** The axis of the channels in a batch: 1 for [N, C, H, W], 3 for [N, H, W, C]. */
  readonly channelAxis: 1 | 3
}

/** More would not be channels of colour, and nothing else tells which axis they are on. */
const MOST_CHANNELS = 4

/** Rows as images; undefined where they are something else. */
export function imageForm({
  inputs: { type, dims },
  preprocessing,
}: Pick<Dataset, 'inputs' | 'preprocessing'>): ImageForm | undefined {
  if ((type !== 'uint8' && type !== 'float32') || dims.length !== 4) return undefined
  const [, second = 0, third = 0, fourth = 0] = dims
  const found = second <= MOST_CHANNELS ? 1 : fourth <= MOST_CHANNELS ? 3 : undefined
  const channelAxis = preprocessing.channelAxis ?? found
  if (channelAxis === undefined) return undefined
  return channelAxis === 1
    ? { type, channels: second, height: third, width: fourth, channelAxis }
    : { type, channels: fourth, height: second, width: third, channelAxis }
}

/**
 * The form of images that can be augmented so.
 *
 * @throws UsageError `augment` for a spec that makes no sense; `augment-data` for rows that are no images, images that are
 * too small or of another type or colour than it takes, and labels that cannot be mixed.
 * @example
 * const image = checkAugment({ flip: 0.5, crop: 4 }, dataset)
 */
export function checkAugment(spec: AugmentSpec, dataset: Dataset): ImageForm {
  parseAugment([spec])
  const image = imageForm(dataset)
  const problem = image ? problemOf(spec, dataset, image) : noImage(dataset)
  if (image && problem === undefined) return image
  throw new UsageError(
    'augment-data',
    `The rows of "${dataset.name}" cannot be augmented by ${augmentText(spec)}: ${problem}`,
  )
}

const noImage = ({ inputs }: Dataset): string =>
  `augmentation is for images, uint8 or float32 with up to ${MOST_CHANNELS} channels, and they are ${describe(inputs)}. Leave it out.`

function problemOf(
  spec: AugmentSpec,
  dataset: Dataset,
  { type, channels, height, width }: ImageForm,
): string | undefined {
  const side = Math.min(height, width)
  const size = `the images are ${width} x ${height} pixels`
  if (spec.crop !== undefined && spec.crop >= side) {
    return `crop:${spec.crop} could shift all of an image out of sight, as ${size}. Take a smaller shift.`
  }
  if (spec.cutout !== undefined && spec.cutout > side) {
    return `cutout:${spec.cutout} is larger than an image, as ${size}. Take a smaller square.`
  }
  if (spec.colour !== undefined && (type !== 'uint8' || (channels !== 1 && channels !== 3))) {
    return `colour is for uint8 pixels of 1 or 3 channels, and they are ${type} with ${channels}. Store them as bytes, or leave colour out.`
  }
  const kind = kindOf(dataset)
  if (mixes(spec) && kind !== 'classification') {
    return `mixup and cutmix weigh the losses of two classes, one a row, and the data are for ${kind}. Leave them out.`
  }
  return undefined
}
