import { createHash } from 'node:crypto'
import { z } from 'zod'
import { sortedKeys } from '../../data/sorted-keys.ts'

/** The folder in a store where updates by queue leave what they write. */
export const UPDATES = 'updates'

// A file or folder, and what has to be in it.
const input = z.strictObject({ path: z.string().min(1), sha256: z.string().regex(/^[0-9a-f]{64}$/) })
const key = z.string().regex(/^[a-zA-Z]+$/)

/** One update as a queue carries it: a command line whose inputs are told by their content, too. */
export const updateJobSchema = z.strictObject({
  kind: z.literal('update'),
  /** Flags and arguments by their keys, but for paths. */
  said: z.record(key, z.union([z.string(), z.boolean()])),
  reads: z.record(key, input),
  /** File names by flag. */
  writes: z.record(key, z.string().regex(/^[^/\\]+$/)),
})

export type UpdateJob = z.output<typeof updateJobSchema>

/** What an update is told by: what it reads, wherever that lies, how, and what computes. Other names of its outputs are another one. */
export function updateIdentity(job: UpdateJob, computedBy: string): string {
  const { said, reads, writes } = updateJobSchema.parse(job)
  const contents = Object.fromEntries(Object.entries(reads).map(([flag, { sha256 }]) => [flag, sha256]))
  return createHash('sha256')
    .update(JSON.stringify(sortedKeys([said, contents, writes, computedBy])))
    .digest('hex')
}

/** What an update answered: as its verb does. */
export const updateAnswerSchema = z.object({
  exitCode: z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3)]),
  json: z.unknown(),
  text: z.string(),
})

export type UpdateAnswer = z.output<typeof updateAnswerSchema>
