import { z } from 'zod'
import { DataError } from '../../errors.ts'
import type { Preprocessing } from '../dataset.ts'

/** In pixels. */
export interface ImageSize {
  readonly height: number
  readonly width: number
}

/** How the size of images changes: first resized, then cropped to the middle (with black around where they are smaller). */
export interface ImagePlan {
  /** Default: not at all. `cover` keeps proportions and cuts what sticks out; `stretch` does not keep them. */
  readonly resize?:
    | ({ readonly how: 'cover' | 'stretch' } & ImageSize)
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
})

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
): ImagePlan & { readonly channels: 'rgb' | 'bgr'; readonly preprocessing: Preprocessing } {
  const crop = (config.do_center_crop ?? config.crop_size != null) ? cropSize(config, place) : undefined
  const resize = (config.do_resize ?? config.size != null) ? resizing(config, crop, place) : undefined
  const resample = resamplers[config.resample ?? 2]
  if (resample === undefined) throw unsupported(place, 'resample', config.resample, '0, 1, 2 or 3')
  if (config.do_pad) throw unsupported(place, 'do_pad', true, 'false')
  const normalise = config.do_normalize ?? config.image_mean != null
  if (normalise && (config.image_mean == null || config.image_std == null)) {
    throw unsupported(place, 'do_normalize', true, 'image_mean and image_std beside it')
  }
  const factor = config.rescale_factor ?? 1 / 255
  // 1 / 255 is written with fewer digits than it has: the exact quotient is meant.
  const rescale = Math.abs(factor * 255 - 1) < 1e-6 ? 1 / 255 : factor
  return {
    ...(resize?.plan && { resize: resize.plan }),
    ...((resize?.crop ?? crop) && { crop: resize?.crop ?? crop }),
    resample,
    channels: config.do_flip_channel_order ? 'bgr' : 'rgb',
    preprocessing: {
      scale: config.do_rescale === false ? 1 : rescale,
      mean: normalise ? (config.image_mean ?? 0) : 0,
      std: normalise ? (config.image_std ?? 1) : 1,
    },
  }
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
  { size, crop_pct }: z.infer<typeof preprocessorSchema>,
  crop: ImageSize | undefined,
  place: string,
): { readonly plan: NonNullable<ImagePlan['resize']>; readonly crop?: ImageSize } {
  // A single number is the shortest edge where the middle is cropped afterwards, else both sides.
  const edge =
    typeof size === 'number'
      ? crop && size
      : Array.isArray(size) || size?.longest_edge !== undefined
        ? undefined
        : size?.shortest_edge
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

function unsupported(place: string, field: string, found: unknown, expected: string): DataError {
  return new DataError(
    'preprocessing-unsupported',
    `${place}: ${field} is ${JSON.stringify(found)}, which is not supported; expected ${expected}. Write what the model needs into holdfast.json beside it and remove the field.`,
  )
}
