import { z } from 'zod'

export const numbers = z.union([z.number(), z.array(z.number()).min(1)])

export const size = z.strictObject({ height: z.int().positive(), width: z.int().positive() })

const level = z.number().min(0).max(255)

export const resizeTo = size.extend({
  fit: z.enum(['stretch', 'cover', 'letterbox']).optional(),
  fill: z.union([level, z.tuple([level, level, level])]).optional(),
  align: z.enum(['centre', 'start']).optional(),
})

/**
 * The schema of `holdfast.json`, a file beside the model that says how its inputs are made, every field optional:
 * - `channels`: `rgb`, `bgr` or `grey`;
 * - `layout`: `NCHW` or `NHWC`;
 * - `resize`: `{shortestEdge}`, or `{height, width}` with `fit`: `stretch` (default), `cover` (cuts what sticks out) or `letterbox`
 *   (keeps proportions and fills up, with `fill`, one number from 0 to 255, default 0, or red, green and blue; the image lies at `align`:
 *   `centre`, the default, or `start`);
 * - `crop`: `{height, width}` of the middle that is kept;
 * - `resample`: `nearest`, `bilinear`, `bicubic` or `lanczos`;
 * - `scale`, `mean`, `std`: the model reads (pixel * scale - mean) / std, one number or one a channel;
 * - `maxLength`: tokens in a text;
 * - `features`: the columns of a table in the order in which the model reads them.
 */
export const holdfastSchema = z.strictObject({
  channels: z.enum(['rgb', 'bgr', 'grey']).optional(),
  layout: z.enum(['NCHW', 'NHWC']).optional(),
  resize: z.union([resizeTo, z.strictObject({ shortestEdge: z.int().positive() })]).optional(),
  crop: size.optional(),
  resample: z.enum(['nearest', 'bilinear', 'bicubic', 'lanczos']).optional(),
  scale: z.number().positive().optional(),
  mean: numbers.optional(),
  std: numbers.optional(),
  maxLength: z.int().positive().optional(),
  features: z.array(z.string().min(1)).min(1).optional(),
})
