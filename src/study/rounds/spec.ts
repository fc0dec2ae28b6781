import { createHash } from 'node:crypto'
import { z } from 'zod'

const content = z.string().regex(/^[0-9a-f]{64}$/)
const whole = z.int().min(0)

/** A round in so few words that a queue can carry it. What it is made from lies in files that are named by their content. */
export const roundSpecSchema = z.strictObject({
  /** Of the run: its settings, its data and what computes. */
  identity: content,
  place: z.strictObject({ task: whole, from: whole, count: z.int().min(1), updates: whole }),
  /** How many replicas. */
  of: z.int().min(1),
  step: z.strictObject({ rate: z.number(), momentum: z.number() }),
  /** SHA-256 of the files: the state, the outer momentum, what the method remembers. */
  start: content,
  velocity: content,
  method: content,
})

export type RoundSpec = z.output<typeof roundSpecSchema>

/** What a round is told by: equal rounds have equal keys. */
export const roundKey = (spec: RoundSpec): string =>
  createHash('sha256')
    .update(JSON.stringify(roundSpecSchema.parse(spec)))
    .digest('hex')
    .slice(0, 32)
