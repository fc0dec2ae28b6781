import { createHash } from 'node:crypto'
import { appendFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError, UsageError } from '../../errors.ts'
import { spanned } from '../../spans.ts'
import { foundAt, listFolder, readBytes, readUtf8 } from '../../tensor/reads-files.ts'
import { isUnfinished, writeWhole } from '../../tensor/whole-files.ts'
import { makeFolder, removeMade, writing } from '../../tensor/writes-files.ts'
import {
  type CheckpointStore,
  decodeCheckpoint,
  encodeCheckpoint,
  type LearnEvent,
  type RunState,
} from '../run/index.ts'
import { type RunConfig, readRunConfig, runFingerprint, startAnew } from './run-config-files.ts'
import { lockFolder } from './run-lock-files.ts'

/** Whether a folder with these names in it is a run's, or one where a run may begin. */
export const isRunPlace = (names: readonly string[]): boolean =>
  names.includes('config.json') || names.every((name) => isTemporary(name) || name === 'lock')

const pointerSchema = z.object({
  file: z.string().regex(/^checkpoint-[\w-]+\.safetensors$/),
  sha256: z.string(),
})
/** What a process that was killed may leave: of the lock, or of a file. */
const isTemporary = (name: string): boolean => /^\..+\.tmp$/.test(name) || isUnfinished(name)

const isCheckpoint = (name: string): boolean => /^checkpoint-.*\.safetensors$/.test(name)

/** What a run leaves before it is finished. */
const isOfProgress = (name: string): boolean =>
  ['config.json', 'events.jsonl', 'latest.json'].includes(name) || isCheckpoint(name)

/** A run's folder, held by this process alone until it is closed. */
export interface RunFolder {
  readonly path: string
  /** What computes now and is not what computed when the run began, for people; undefined where nothing is. */
  readonly changed: string | undefined
  readonly store: CheckpointStore
  /** Adds a line to `events.jsonl`. */
  append(event: LearnEvent): Promise<void>
  /** Writes a file whole, or not at all. */
  write(name: string, content: string | Uint8Array): Promise<void>
  /**
   * Takes away what tells of a run that was new and cannot go on as it was asked for, so that another may begin here; at the end also the
   * folder, where it was made for that run and nothing else is in it.
   */
  forget(): Promise<void>
  close(): Promise<void>
}

/**
 * Opens the folder of a run: makes it with its `config.json` where it is new, and goes on with it where it holds the
 * same run. What an earlier process left half-written is removed, and a folder that was made and took nothing, too.
 *
 * @throws EnvironmentError `run-in-use` when another live process has it open, `write-failed` when the disk does not take it.
 * @throws UsageError `run-folder-taken` when it holds another run, or files that are no run.
 * @throws CheckpointError `run-config` when its `config.json` cannot be read.
 */
export async function openRunFolder(path: string, config: RunConfig): Promise<RunFolder> {
  const made = await makeFolder(path)
  try {
    return await opened(path, config, made)
  } catch (error) {
    // On a full disk a folder can be made, and nothing put into it.
    await removeMade(path, made)
    throw error
  }
}

/** @param made What of the path was made for it, as {@link makeFolder} says it. */
async function opened(path: string, config: RunConfig, made: string | undefined): Promise<RunFolder> {
  const lock = await lockFolder(path)
  let changed: string | undefined
  let isNew = false
  let isForgotten = false
  try {
    const names = await listFolder(path)
    for (const name of names) if (isTemporary(name)) await rm(join(path, name), { force: true })
    if (names.includes('config.json')) {
      const found = await readRunConfig(path)
      if (runFingerprint(found) !== runFingerprint(config)) {
        throw new UsageError(
          'run-folder-taken',
          `${path} holds a run with other settings or other data. Choose another folder with --out, or go on with that run: holdfast resume ${path}`,
        )
      }
      changed = differences(found.versions, config.versions)
    } else {
      const strangers = names.filter((name) => !isTemporary(name) && name !== 'lock')
      if (strangers.length > 0) {
        throw new UsageError(
          'run-folder-taken',
          `${path} holds files that are no run (${strangers.slice(0, 5).join(', ')}). Choose an empty or new folder with --out.`,
        )
      }
      await writeWhole(join(path, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
      isNew = true
    }
  } catch (error) {
    await lock.giveBack()
    throw error
  }
  const events = join(path, 'events.jsonl')
  const { save, load } = runFolderStore(path, runFingerprint(config))
  return {
    path,
    changed,
    store: {
      save: async (state) => {
        await lock.check()
        await save(state)
      },
      load,
    },
    append: (event) => writing(events, () => appendFile(events, `${JSON.stringify(event)}\n`)),
    write: (name, content) => writeWhole(join(path, name), content),
    forget: async () => {
      if (!isNew) return
      isForgotten = true
      for (const name of await listFolder(path)) {
        if (isOfProgress(name)) await rm(join(path, name), { force: true })
      }
    },
    close: async () => {
      await lock.giveBack()
      if (isForgotten) await removeMade(path, made)
    },
  }
}

function differences(then: RunConfig['versions'], now: RunConfig['versions']): string | undefined {
  const found = Object.entries(then).flatMap(([name, version]) =>
    now[name] === version ? [] : [`${name} ${version}, now ${now[name] ?? 'none'}`],
  )
  return found.length > 0 ? found.join('; ') : undefined
}

async function saved(folder: string, fingerprint: string, state: RunState): Promise<void> {
  const { task, step, phase } = state.position
  const name = `checkpoint-${task}-${step}-${phase}.safetensors`
  const bytes = encodeCheckpoint(state, fingerprint)
  await writeWhole(join(folder, name), bytes)
  const pointer = { file: name, sha256: createHash('sha256').update(bytes).digest('hex') }
  await writeWhole(join(folder, 'latest.json'), `${JSON.stringify(pointer)}\n`)
  for (const other of await listFolder(folder)) {
    if (other !== name && isCheckpoint(other)) await rm(join(folder, other), { force: true })
  }
}

/**
 * Checkpoints in a folder. A save writes the new file beside, syncs and renames it, then points `latest.json` at it in the
 * same way, and only then removes the one before: whenever the process dies, one whole checkpoint stands.
 *
 * @param fingerprint of the run; see {@link runFingerprint}
 * @throws CheckpointError from `load`: `checkpoint-pointer` when latest.json is damaged, `checkpoint-missing`,
 * `checkpoint-damaged` when the file's SHA-256 is not the one noted, and what decoding throws.
 * @example
 * for await (const event of learn({ ...options, store: runFolderStore('runs/mine', fingerprint) })) show(event)
 */
export function runFolderStore(folder: string, fingerprint: string): CheckpointStore {
  return {
    save: (state) => spanned('checkpoint', () => saved(folder, fingerprint, state)),
    load: async () => {
      const pointer = await readPointer(folder)
      if (!pointer) return undefined
      const file = join(folder, pointer.file)
      const bytes = await readBytes(file, {
        kind: CheckpointError,
        code: 'checkpoint-missing',
        way: `${join(folder, 'latest.json')} names it. ${startAnew}`,
      })
      const found = createHash('sha256').update(bytes).digest('hex')
      if (found !== pointer.sha256) {
        throw new CheckpointError(
          'checkpoint-damaged',
          `${file} is damaged: expected SHA-256 ${pointer.sha256}, found ${found} (${bytes.length} bytes). ${startAnew}`,
        )
      }
      return decodeCheckpoint(new Uint8Array(bytes), fingerprint, file)
    },
  }
}

async function readPointer(folder: string): Promise<z.output<typeof pointerSchema> | undefined> {
  const file = join(folder, 'latest.json')
  const fault = { kind: CheckpointError, code: 'checkpoint-pointer', way: startAnew }
  if (!(await foundAt(file, fault))) return undefined
  const text = await readUtf8(file, fault)
  try {
    return pointerSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new CheckpointError(
      'checkpoint-pointer',
      `${file} is damaged: expected {"file", "sha256"}, found ${JSON.stringify(text.slice(0, 80))}. ${startAnew}`,
      { cause },
    )
  }
}

/** Whether a path is a folder. */
export const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
