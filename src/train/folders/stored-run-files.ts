import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../../errors.ts'
import type { BenchResult, RunResult } from '../../measure/results.ts'
import { foundAt, listFolder, readUtf8 } from '../../tensor/reads-files.ts'
import { readRunConfig, runIdentity, startAnew } from './run-config-files.ts'

/** Where the error of a run that failed is noted. */
export const FAILURE = 'failure.json'

/** What a store holds of a run. */
export type StoredRun =
  | { readonly state: 'missing' }
  /** Begun; where a checkpoint is, its name. */
  | { readonly state: 'unfinished'; readonly checkpoint: string | undefined }
  | { readonly state: 'failed'; readonly error: { readonly code: string; readonly message: string } }
  | {
      readonly state: 'finished'
      readonly result: RunResult
      /** The same with what it was measured on. */
      readonly bench: BenchResult
    }

const failureSchema = z.object({ code: z.string(), message: z.string() })
// What programs read again is checked; the figures themselves are those of `RunResult`.
const resultSchema = z.object({ method: z.string(), seed: z.number(), matrix: z.array(z.array(z.number())) })
const benchSchema = z.object({ schema: z.literal(1), machine: z.object({ cpu: z.string() }) })

/**
 * What a run's folder holds.
 *
 * @param identity what the run has to be; see {@link runIdentity}
 * @throws CheckpointError `run-other` where the folder holds another run, `run-damaged` for files that are not what they were,
 * `run-config`.
 */
export async function readStoredRun(folder: string, identity: string): Promise<StoredRun> {
  const fault = { kind: CheckpointError, code: 'run-damaged', way: startAnew }
  if (!(await foundAt(join(folder, 'config.json'), fault))) return { state: 'missing' }
  if (runIdentity(await readRunConfig(folder)) !== identity) {
    throw new CheckpointError(
      'run-other',
      `${folder} holds a run with other settings, other data or other versions than its name says. Remove the folder, or name another store with --store.`,
    )
  }
  const names = new Set(await listFolder(folder, fault))
  if (names.has('result.json')) {
    const result = await readAs<RunResult>(join(folder, 'result.json'), resultSchema)
    return { state: 'finished', result, bench: await readAs(join(folder, 'bench.json'), benchSchema) }
  }
  if (names.has(FAILURE)) {
    return { state: 'failed', error: await readAs(join(folder, FAILURE), failureSchema) }
  }
  return { state: 'unfinished', checkpoint: [...names].find((name) => name.startsWith('checkpoint-')) }
}

async function readAs<T>(file: string, schema: z.ZodType): Promise<T> {
  const text = await readUtf8(file, { kind: CheckpointError, code: 'run-damaged', way: startAnew })
  try {
    const value: unknown = JSON.parse(text)
    schema.parse(value)
    return value as T
  } catch (cause) {
    throw new CheckpointError(
      'run-damaged',
      `${file} is damaged: it is not what Holdfast wrote there. ${startAnew}`,
      { cause },
    )
  }
}
