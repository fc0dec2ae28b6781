import type { z } from 'zod'
import { count as counted } from '../../count.ts'
import { DataError } from '../../errors.ts'
import type { DType } from '../../tensor/tensor.ts'
import { parseConfig } from '../config.ts'
import { asStored, type Preprocessing } from '../dataset.ts'
import { flatImage } from './flat-images.ts'
import { holdfastSchema, type resizeTo } from './holdfast-file.ts'
import { huggingFaceImages, type ImagePlan, type ImageSize, preprocessorSchema } from './preprocessor.ts'

/** How images are brought to what a model reads. What comes out is stored as uint8. */
export interface ImageSpec extends ImagePlan {
  /** The order of channels that the model reads. */
  readonly channels: 'rgb' | 'bgr' | 'grey'
  readonly layout: 'NCHW' | 'NHWC'
}

/** What a model's input is made from. `notes` say in words what was assumed for want of a file that says it. */
export type InputSpec = { readonly notes: readonly string[] } & (
  | { readonly kind: 'image'; readonly image: ImageSpec; readonly preprocessing: Preprocessing }
  | { readonly kind: 'text'; readonly maxLength: number | undefined }
  | {
      readonly kind: 'numbers'
      readonly preprocessing: Preprocessing
      /** The columns of a table in the order in which the model reads them. */
      readonly features?: readonly string[] | undefined
      /** How images become the numbers, where holdfast.json says it. */
      readonly image?: ImageSpec | undefined
    }
)

/** What is known of a model's input, and the texts of the files beside the model. */
export interface InputFacts {
  readonly type: DType
  /** As in the model file: names or undefined stand for sizes that are free; undefined as a whole where nothing is said. */
  readonly dims: readonly (number | string | undefined)[] | undefined
  /** preprocessor_config.json */
  readonly preprocessorConfig?: string | undefined
  /** holdfast.json, which has the last word. */
  readonly holdfast?: string | undefined
  /** Where the files lie, named in errors. */
  readonly folder?: string | undefined
}

/**
 * How data become what a model reads, from the facts of its input and the files beside it. Images are inputs of four dims with one or three
 * channels at axis 1 (NCHW) or 3 (NHWC); texts are int32 or int64 [batch, positions]; everything else is numbers, used as stored.
 *
 * Without files images are brought to the model's height and width (covering it and cropping the middle), and pixels scaled to
 * [0, 1], or left from 0 to 255 where the model reads integers.
 *
 * @throws DataError `preprocessing-invalid` when a file cannot be understood, `preprocessing-size` when it leads to images that the
 * model does not take.
 * @example
 * const spec = inputSpec({ type: 'float32', dims: ['batch', 3, 224, 224], preprocessorConfig: text })
 */
export function inputSpec(facts: InputFacts): InputSpec {
  const folder = facts.folder ?? 'beside the model'
  const own = parseConfig(
    facts.holdfast ?? '{}',
    holdfastSchema,
    `${folder}, holdfast.json`,
    'preprocessing-invalid',
  )
  const { type, dims } = facts
  const [, second, third, fourth] = dims ?? []
  const integers = type === 'int64' || type === 'int32'
  if (integers && dims?.length === 2) {
    return { kind: 'text', maxLength: own.maxLength ?? sizeAt(second), notes: [] }
  }
  const layout = own.layout ?? layoutOf(facts)
  if (layout === undefined) {
    const { scale = 1, mean = 0, std = 1, features } = own
    const image = own.resize || own.crop || own.channels ? flatFrom(own, dims, folder) : undefined
    return { kind: 'numbers', preprocessing: { scale, mean, std }, features, image, notes: [] }
  }
  const last = layout === 'NHWC'
  const [height, width] = last ? [second, third] : [third, fourth]
  const count = sizeAt(last ? fourth : second)
  const notes: string[] = []
  const theirs = facts.preprocessorConfig
    ? huggingFaceImages(
        parseConfig(
          facts.preprocessorConfig,
          preprocessorSchema,
          `${folder}, preprocessor_config.json`,
          'preprocessing-invalid',
        ),
        `${folder}, preprocessor_config.json`,
      )
    : undefined
  if (theirs) notes.push(...theirs.notes)
  const wanted = sizeOfModel(height, width)
  const channels = own.channels ?? (count === 1 ? 'grey' : (theirs?.channels ?? 'rgb'))
  const image: ImageSpec = {
    channels,
    layout,
    resample: own.resample ?? theirs?.resample ?? 'bilinear',
    ...resizing(own, theirs, wanted),
  }
  if (!theirs && !own.resize && wanted) {
    notes.push(
      `Images are brought to the model's ${wanted.width} x ${wanted.height} pixels by covering it and cropping the middle.`,
    )
  }
  const integerInput = !type.startsWith('float') && type !== 'bfloat16'
  const fallback = integerInput ? asStored : { ...asStored, scale: 1 / 255 }
  if (!theirs && own.scale === undefined && own.mean === undefined && !integerInput) {
    notes.push('Pixels are scaled to [0, 1] and not normalised: no file beside the model says otherwise.')
  }
  const { scale, mean, std } = { ...fallback, ...theirs?.preprocessing, ...given(own) }
  checkSizes(image, wanted, count, [mean, std], folder)
  return {
    kind: 'image',
    image,
    preprocessing: {
      scale,
      mean: collapse(mean),
      std: collapse(std),
      ...(last && (typeof collapse(mean) !== 'number' || typeof collapse(std) !== 'number')
        ? { channelAxis: 3 as const }
        : {}),
    },
    notes,
  }
}

function flatFrom(own: z.infer<typeof holdfastSchema>, dims: InputFacts['dims'], folder: string): ImageSpec {
  const { channels, resample = 'bilinear' } = own
  return flatImage({ channels, resample, ...resizing(own, undefined, undefined) }, widthOf(dims), folder)
}

/** How many numbers a row of an input holds, where all its dims are stated. */
export function widthOf(dims: InputFacts['dims']): number | undefined {
  if (!dims || dims.length < 2) return undefined
  const width = dims.slice(1).reduce<number>((product, dim) => product * (sizeAt(dim) ?? Number.NaN), 1)
  return Number.isNaN(width) ? undefined : width
}

function layoutOf({ dims, type }: InputFacts): ImageSpec['layout'] | undefined {
  if (dims?.length !== 4 || type === 'string' || type === 'bool') return undefined
  const isChannels = (dim: number | string | undefined) => dim === 1 || dim === 3
  if (isChannels(dims[1])) return 'NCHW'
  if (isChannels(dims[3])) return 'NHWC'
  // Exporters that free every dim still mean images [N, C, H, W].
  return typeof dims[1] === 'string' || dims[1] === undefined ? 'NCHW' : undefined
}

const sizeAt = (dim: number | string | undefined): number | undefined =>
  typeof dim === 'number' && dim > 0 ? dim : undefined

function sizeOfModel(
  height: number | string | undefined,
  width: number | string | undefined,
): ImageSize | undefined {
  const rows = sizeAt(height)
  const columns = sizeAt(width)
  return rows === undefined || columns === undefined ? undefined : { height: rows, width: columns }
}

function resizing(
  own: z.infer<typeof holdfastSchema>,
  theirs: ReturnType<typeof huggingFaceImages> | undefined,
  wanted: ImageSize | undefined,
): Pick<ImagePlan, 'resize' | 'crop'> {
  if (own.resize || own.crop || theirs) {
    const resize = own.resize
      ? 'shortestEdge' in own.resize
        ? ({ how: 'shortest-edge', edge: own.resize.shortestEdge } as const)
        : resizeAsAsked(own.resize)
      : theirs?.resize
    return { resize, crop: own.crop ?? theirs?.crop }
  }
  return { resize: wanted && { how: 'cover', ...wanted }, crop: undefined }
}

function resizeAsAsked({
  fit = 'stretch',
  fill = 0,
  align = 'centre',
  ...to
}: z.infer<typeof resizeTo>): NonNullable<ImagePlan['resize']> {
  return fit === 'letterbox' ? { how: fit, ...to, fill, align } : { how: fit, ...to }
}

const given = (own: z.infer<typeof holdfastSchema>): Partial<Preprocessing> => ({
  ...(own.scale === undefined ? {} : { scale: own.scale }),
  ...(own.mean === undefined ? {} : { mean: own.mean }),
  ...(own.std === undefined ? {} : { std: own.std }),
})

/** Equal numbers for all channels are one number, which fits any layout. */
function collapse(values: number | readonly number[]): number | readonly number[] {
  if (typeof values === 'number') return values
  const [first] = values
  return first !== undefined && values.every((value) => value === first) ? first : values
}

function checkSizes(
  image: ImageSpec,
  wanted: ImageSize | undefined,
  count: number | undefined,
  perChannel: readonly (number | readonly number[])[],
  folder: string,
): void {
  const found = image.crop ?? (image.resize && 'height' in image.resize ? image.resize : undefined)
  if (wanted && found && (found.height !== wanted.height || found.width !== wanted.width)) {
    throw new DataError(
      'preprocessing-size',
      `${folder}: the preprocessing leads to images of ${found.width} x ${found.height} pixels, but the model reads ${wanted.width} x ${wanted.height}. Correct the file, or set resize and crop in holdfast.json.`,
    )
  }
  const channels = image.channels === 'grey' ? 1 : 3
  const odd = perChannel.find(
    (values) =>
      typeof values !== 'number' && typeof collapse(values) !== 'number' && values.length !== channels,
  )
  if ((count !== undefined && count !== channels) || odd !== undefined) {
    throw new DataError(
      'preprocessing-size',
      `${folder}: the preprocessing makes images of ${counted(channels, 'channel')}, but ${odd === undefined ? `the model reads ${count}` : `mean or std has ${counted(typeof odd === 'number' ? 1 : odd.length, 'value')}`}.`,
    )
  }
}
