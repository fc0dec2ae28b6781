import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { problemsOf } from '../../data/schema-problems.ts'
import { sortedKeys } from '../../data/sorted-keys.ts'
import { CheckpointError, UsageError } from '../../errors.ts'
import { foundAt, type ReadFault, reading, readUtf8 } from '../../tensor/reads-files.ts'
import { parsePlan, type RunPlan, withPlaces } from '../plan/index.ts'

/** Everything needed to build a run again, as its folder's `config.json` holds it. */
export interface RunConfig {
  readonly format: 'holdfast-run'
  readonly version: 1
  /** The command that began it. */
  readonly verb: string
  readonly plan: RunPlan
  /** SHA-256 over the content of the data, and of the model's file. */
  readonly dataSha256: string
  /** Versions of what computed: holdfast, node, onnxruntime, and `code`, the SHA-256 of the program's files. */
  readonly versions: Readonly<Record<string, string>>
}

const configSchema = z.object({
  format: z.literal('holdfast-run'),
  version: z.literal(1),
  verb: z.string(),
  plan: z.unknown(),
  dataSha256: z.string(),
  versions: z.record(z.string(), z.string()),
})

/** What to do where a file of a run is damaged. */
export const startAnew = 'Restore the file, or remove the run folder and start the run anew.'

/**
 * What a run's checkpoints are sealed with: a run with another plan, or on other data, cannot go on from them. The places of files decide
 * nothing: what lies there is told by the SHA-256 of the data. Two machines that keep the same data in different folders have the same
 * runs. How often a run is kept changes no bit of it, as calls are as long as time has it, so that a run that was killed may go on with
 * other checkpoints.
 */
export function runFingerprint({ plan, dataSha256 }: Pick<RunConfig, 'plan' | 'dataSha256'>): string {
  const { checkpointEvery: _, ...content } = withPlaces(plan, () => 'file')
  return sha256(`${JSON.stringify(sortedKeys(content))}\n${dataSha256}`)
}

/**
 * What a run is, by content: its settings, its data, and what computes. Two runs of one identity have the same bits on the same
 * kind of processor, wherever they run and whatever else is asked for beside them. Of Node the major version counts.
 */
export function runIdentity(config: Pick<RunConfig, 'plan' | 'dataSha256' | 'versions'>): string {
  return sha256(`${runFingerprint(config)}\n${computedBy(config.versions)}`)
}

/** The part of the versions that belongs to a run's identity, as a text. */
export const computedBy = ({ node, ...versions }: RunConfig['versions']): string =>
  JSON.stringify(sortedKeys({ ...versions, node: node?.split('.')[0] }))

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/**
 * The configuration of a run in a folder.
 *
 * @throws CheckpointError `run-missing` when there is none, `run-config` when it cannot be read.
 */
export async function readRunConfig(folder: string): Promise<RunConfig> {
  const file = join(folder, 'config.json')
  const fault: ReadFault = {
    kind: CheckpointError,
    code: 'run-missing',
    way: 'Give the folder of a run, e.g. one in runs/.',
  }
  const there = await reading(folder, () => stat(folder), fault)
  if (!there.isDirectory()) {
    throw new CheckpointError(
      'run-missing',
      `${folder}: this is ${there.isFile() ? 'a file' : 'a pipe or a device'}, and the folder of a run was expected. ${fault.way}`,
    )
  }
  if (!(await foundAt(file, fault))) {
    throw new CheckpointError('run-missing', `${folder} holds no run: there is no config.json. ${fault.way}`)
  }
  return configIn(await readUtf8(file, fault), file)
}

function configIn(text: string, file: string): RunConfig {
  const refused = (reason: string, cause?: unknown) =>
    new CheckpointError('run-config', `${file} is not the configuration of a run. ${reason} ${startAnew}`, {
      cause,
    })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw refused(`It is not JSON: ${cause instanceof Error ? cause.message : String(cause)}.`, cause)
  }
  const found = configSchema.safeParse(value)
  if (!found.success) throw refused(problemsOf(configSchema, value, found.error.issues).join(' '))
  const { plan, ...rest } = found.data
  try {
    return { ...rest, plan: parsePlan(plan, `The plan in ${file}`) }
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause
    throw new CheckpointError('run-config', `${cause.message} ${startAnew}`, { cause })
  }
}
