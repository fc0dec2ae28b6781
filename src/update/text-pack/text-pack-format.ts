import { z } from 'zod'
import { textChoices } from './text-pack.ts'

export const EXEMPLARS = 'exemplars.safetensors'
export const ANSWERS = 'answers.safetensors'
export const HELD_OUT = 'held-out.safetensors'

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const model = z.object({ name: z.string(), sha256: z.string() })
const loss = z.object({ nats: z.number(), tokens: z.int(), bytes: z.int() })
/** What documents are called; their tokens stand in tensors. */
const documents = z.object({ places: z.array(z.string()) })

/** What a pack of texts says of itself in JSON. */
export const textFactsSchema = z.object({
  created: z.string(),
  model,
  tokenizer: hash,
  vocabulary: z.int().min(1),
  rowLength: z.int().min(1),
  overlap: z.int().min(0),
  exemplars: documents,
  /** The likeliest tokens that are kept at each place; left out where none are. */
  topTokens: z.int().min(1).optional(),
  heldOut: documents,
  first: z.object({ name: z.string() }).optional(),
  history: z.array(z.object({ model, created: z.string(), documents: z.int(), loss })).min(1),
  budget: z.object({
    tokens: z.int().optional(),
    documents: z.int().optional(),
    choose: z.enum(textChoices),
    topTokens: z.int().min(0).optional(),
  }),
  data: z.array(z.object({ name: z.string(), fingerprint: z.string(), documents: z.int(), tokens: z.int() })),
  versions: z.record(z.string(), z.string()),
})
export type TextFacts = z.infer<typeof textFactsSchema>
