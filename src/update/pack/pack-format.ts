import { z } from 'zod'
import type { Preprocessing } from '../../data/dataset.ts'
import { TensorCode } from '../../onnx/codes.ts'
import type { DType } from '../../tensor/tensor.ts'

export const EXEMPLARS = 'exemplars.safetensors'
export const HELD_OUT = 'held-out.safetensors'
export const FISHER = 'fisher.safetensors'
export const ACTIVATIONS = 'activations.safetensors'
export const SUMS = 'sums.safetensors'

const numbers = z.union([z.number(), z.array(z.number())])
export const preprocessing = z
  .object({
    scale: z.number(),
    mean: numbers,
    std: numbers,
    channelAxis: z.union([z.literal(1), z.literal(3)]).optional(),
    pad: z.number().optional(),
  })
  .transform(
    ({ channelAxis, pad, ...rest }): Preprocessing => ({
      ...rest,
      ...(channelAxis === undefined ? {} : { channelAxis }),
      ...(pad === undefined ? {} : { pad }),
    }),
  )
const model = z.object({ name: z.string(), sha256: z.string() })
export const traffic = z.object({
  source: z.enum(['counted', 'given']),
  weights: z.array(z.number().nonnegative()),
})
const rowsOf = z.object({ name: z.string(), synthetic: z.boolean() })
/** What is said of the sums beside their numbers. */
const sums = z.object({
  value: z.string(),
  body: z.string(),
  of: z.enum(['training data', 'exemplars']),
  expansion: z
    .object({
      width: z.int(),
      seed: z.int().optional(),
      features: z.int(),
      passes: z.union([z.literal(1), z.literal(2)]),
      weight: z.string(),
    })
    .optional(),
})
/** What is said of held-out activations beside their numbers. */
export const activationFacts = z.object({
  cut: z.object({
    values: z.array(z.string()).min(1),
    types: z.array(z.string().refine((type): type is DType => type in TensorCode)),
    /** null where dims are not known. */
    dims: z.array(z.array(z.int()).nullable()),
    rowDims: z.array(z.int()).optional(),
  }),
  trunk: z.string(),
  name: z.string(),
  synthetic: z.boolean(),
  preprocessing,
})
export type ActivationFacts = z.input<typeof activationFacts>

export const factsSchema = z.object({
  created: z.string(),
  model,
  classes: z.array(z.string()),
  traffic: traffic.optional(),
  preprocessing,
  columns: z.array(z.string()).optional(),
  private: z.boolean(),
  features: z.object({ value: z.string(), body: z.string() }).optional(),
  exemplars: rowsOf.extend({ preprocessing }).optional(),
  heldOut: rowsOf.extend({ preprocessing }).optional(),
  fisherRows: z.int().optional(),
  sums: sums.optional(),
  activations: activationFacts.optional(),
  data: z.array(rowsOf.extend({ fingerprint: z.string(), rows: z.int() })),
  versions: z.record(z.string(), z.string()),
  budget: z.object({
    rows: z.int().optional(),
    perClass: z.int().optional(),
    choose: z.enum(['herding', 'random', 'hardest']),
  }),
  history: z.array(z.object({ model, created: z.string(), classes: z.int() })).min(1),
})
export type Facts = z.infer<typeof factsSchema>
