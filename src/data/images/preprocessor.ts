import { z } from 'zod'
import type { Preprocessing } from '../dataset.ts'
import { unknownFields, unsupported } from './preprocessor-fields.ts'
import { normalisation } from './preprocessor-values.ts'

/** In pixels. */
export interface ImageSize {
  readonly height: number
  readonly width: number
}

/** How the size of images changes: first resized, then cropped to the middle (with black around where they are smaller). */
export interface ImagePlan {
  /** Default: not at all. `cover` keeps proportions and cuts what sticks out, `letterbox` keeps them and fills up; `stretch` does not keep them. */
  readonly resize?:
    | ({ readonly how: 'cover' | 'stretch' } & ImageSize)
    | ({
        readonly how: 'letterbox'
        /** What is around the image, from 0 to 255: one number, or red, green and blue. */
        readonly fill: number | readonly [number, number, number]
        /** `start`: at the left and the top. */
        readonly align: 'centre' | 'start'
      } & ImageSize)
    | { readonly how: 'shortest-edge'; readonly edge: number }
    | undefined
  readonly crop?: ImageSize | undefined
  readonly resample: 'nearest' | 'bilinear' | 'bicubic' | 'lanczos'
}

const edges = z.looseObject({
  height: z.int().positive().optional(),
  width: z.int().positive().optional(),
  shortest_edge: z.int().positive().optional(),
  longest_edge: z.int().positive().optional(),
})
const sizes = z.union([z.int().positive(), z.tuple([z.int().positive(), z.int().positive()]), edges])

/** The fields of Hugging Face's preprocessor_config.json that say how images are read. */
export const preprocessorSchema = z.looseObject({
  do_resize: z.boolean().nullish(),
  size: sizes.nullish(),
  resample: z.int().nullish(),
  crop_pct: z.number().positive().nullish(),
  do_center_crop: z.boolean().nullish(),
  crop_size: sizes.nullish(),
  do_rescale: z.boolean().nullish(),
  rescale_factor: z.number().positive().nullish(),
  do_normalize: z.boolean().nullish(),
  image_mean: z.union([z.number(), z.array(z.number())]).nullish(),
  image_std: z.union([z.number(), z.array(z.number())]).nullish(),
  do_flip_channel_order: z.boolean().nullish(),
  do_pad: z.boolean().nullish(),
  /** Whether a single number for a size is both sides, or the shorter one. */
  default_to_square: z.boolean().nullish(),
  /** EfficientNet: whether 1 is taken away after rescaling, and whether the deviation is divided by once more. */
  rescale_offset: z.boolean().nullish(),
  include_top: z.boolean().nullish(),
  /** The same as `rescale_offset`, as Vivit calls it. */
  offset: z.boolean().nullish(),
  image_processor_type: z.string().nullish(),
  feature_extractor_type: z.string().nullish(),
})

type Config = z.infer<typeof preprocessorSchema>

/** The kind of model that the processor is of: `ViT` of ViTImageProcessor and ViTFeatureExtractor. */
const kindOf = ({ image_processor_type, feature_extractor_type }: Config): string =>
  (image_processor_type ?? feature_extractor_type ?? '').replace(
    /(ImageProcessor(Fast)?|FeatureExtractor)$/,
    '',
  )

/** Processors that take a single number for both sides; the others for the shorter one, where they crop afterwards. */
const squaring: ReadonlySet<string> = new Set([
  'Beit',
  'DPT',
  'DeiT',
  'EfficientFormer',
  'EfficientNet',
  'Perceiver',
  'Segformer',
  'ViT',
])

/** PIL's numbers for its filters; box (4) and hamming (5) have no counterpart here. */
const resamplers: Readonly<Record<number, ImagePlan['resample']>> = {
  0: 'nearest',
  1: 'lanczos',
  2: 'bilinear',
  3: 'bicubic',
}

/**
 * How images are read by a preprocessor_config.json. Steps that it does not mention are done where their settings are there; pixels are
 * scaled to [0, 1] unless `do_rescale` is false.
 *
 * @throws DataError `preprocessing-unsupported` naming the field.
 */
export function huggingFaceImages(
  config: z.infer<typeof preprocessorSchema>,
  place: string,
): ImagePlan & {
  readonly channels: 'rgb' | 'bgr'
  readonly preprocessing: Preprocessing
  /** What the file asks for and is not done, in words. */
  readonly notes: readonly string[]
} {
  const crop = (config.do_center_crop ?? config.crop_size != null) ? cropSize(config, place) : undefined
  const resize = (config.do_resize ?? config.size != null) ? resizing(config, crop, place) : undefined
  const resample = resamplers[config.resample ?? 2]
  if (resample === undefined) throw unsupported(place, 'resample', config.resample, '0, 1, 2 or 3')
  if (config.do_pad) throw unsupported(place, 'do_pad', true, 'false')
  const normalise = config.do_normalize ?? config.image_mean != null
  if (normalise && (config.image_mean == null || config.image_std == null)) {
    throw unsupported(place, 'do_normalize', true, 'image_mean and image_std beside it')
  }
  return {
    ...(resize?.plan && { resize: resize.plan }),
    ...((resize?.crop ?? crop) && { crop: resize?.crop ?? crop }),
    resample,
    channels: config.do_flip_channel_order ? 'bgr' : 'rgb',
    preprocessing: normalisation(config, normalise, place),
    notes: [...unknownFields(config, place), ...missingFields(config, place)],
  }
}

/** transformers fills in a field of EfficientNet's that its own files always have. */
function missingFields(config: Config, place: string): string[] {
  if (kindOf(config) !== 'EfficientNet' || config.include_top != null) return []
  return [
    `${place}: include_top is not there, and is taken for false. transformers takes it for true, and divides by image_std once more: write what the model was trained with.`,
  ]
}

function cropSize(config: z.infer<typeof preprocessorSchema>, place: string): ImageSize {
  const found = exactSize(config.crop_size ?? config.size)
  if (found) return found
  throw unsupported(place, 'crop_size', config.crop_size, 'a height and a width')
}

function exactSize(value: z.infer<typeof sizes> | null | undefined): ImageSize | undefined {
  if (typeof value === 'number') return { height: value, width: value }
  // Pairs are PIL's (width, height).
  if (Array.isArray(value)) return { height: value[1], width: value[0] }
  const { height, width } = value ?? {}
  return height === undefined || width === undefined ? undefined : { height, width }
}

function resizing(
  config: Config,
  crop: ImageSize | undefined,
  place: string,
): { readonly plan: NonNullable<ImagePlan['resize']>; readonly crop?: ImageSize } {
  const { size, crop_pct } = config
  const edge = shortestEdge(config, crop)
  if (edge !== undefined && crop_pct != null) {
    // ConvNeXT: below 384 the shortest edge grows by 1 / crop_pct and the middle is cropped; from there on images are stretched.
    const square = { height: edge, width: edge }
    if (edge >= 384) return { plan: { how: 'stretch', ...square } }
    return { plan: { how: 'shortest-edge', edge: Math.floor(edge / crop_pct) }, crop: square }
  }
  if (edge !== undefined) return { plan: { how: 'shortest-edge', edge } }
  const exact = exactSize(size)
  if (exact) return { plan: { how: 'stretch', ...exact } }
  throw unsupported(place, 'size', size, 'height and width, or shortest_edge')
}

/** The shorter side that images are brought to; undefined where both are given. */
function shortestEdge(config: Config, crop: ImageSize | undefined): number | undefined {
  const { size, crop_pct, default_to_square } = config
  if (typeof size === 'number') {
    const square = default_to_square ?? (squaring.has(kindOf(config)) || (!crop && crop_pct == null))
    return square ? undefined : size
  }
  if (Array.isArray(size) || size?.longest_edge !== undefined) return undefined
  const edge = size?.shortest_edge
  // LeViT leaves an eighth for the crop, whatever the file says.
  return edge !== undefined && kindOf(config) === 'Levit' ? Math.floor((256 / 224) * edge) : edge
}
