import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EnvironmentError, UsageError } from '../../errors.ts'
import { checkOutputs } from '../../tensor/outputs-files.ts'
import { reading, systemCode } from '../../tensor/reads-files.ts'
import { makeFolder, writing } from '../../tensor/writes-files.ts'
import { runningProcess } from '../../train/folders/index-files.ts'
import { beginProfile, type Profile } from './profile-node.ts'
import { END, HEAD } from './trace-file.ts'

/**
 * Begins a profile in a file that is not there yet, or holds an older one.
 *
 * @throws UsageError `out-exists` for any other file, and as {@link checkOutputs}; EnvironmentError `profile-in-use` where another
 * process of this machine writes its own there, `write-failed`.
 */
export async function openProfile(path: string, verb: string): Promise<Profile> {
  await checkOutputs([{ flag: '--profile', path }], [])
  await makeFolder(dirname(path))
  const older = await olderAt(path)
  if (older && !older.isProfile) {
    throw new UsageError(
      'out-exists',
      `--profile ${path}: there is a file that is no profile. Name another one; nothing is written over but an older profile.`,
    )
  }
  const writer = older?.writer
  // A command that was killed is not there any more.
  if (writer !== undefined && writer !== process.pid && (await runningProcess(writer))) {
    throw new EnvironmentError(
      'profile-in-use',
      `--profile ${path}: process ${writer} writes its profile there. Name another file; if that process is no command of Holdfast, remove this one.`,
    )
  }
  return writing(path, async () => beginProfile(path, verb))
}

interface Older {
  readonly isProfile: boolean
  /** The process that began it and has not ended it. */
  readonly writer: number | undefined
}

/** What lies there; undefined where nothing does. */
async function olderAt(path: string): Promise<Older | undefined> {
  const look = async (): Promise<Older | undefined> => {
    const file = await open(path).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    })
    if (!file) return undefined
    try {
      return await olderIn(file)
    } finally {
      await file.close()
    }
  }
  return reading(path, look, { kind: EnvironmentError, code: 'read-failed' })
}

/** More than a process's number has digits. */
const NUMBER = 20

async function olderIn(file: FileHandle): Promise<Older> {
  const { size } = await file.stat()
  const [first, last] = [
    await textAt(file, 0, HEAD.length + NUMBER),
    await textAt(file, size - END.length, END.length),
  ]
  const writer = /^,"pid":(\d+)/.exec(first.slice(HEAD.length))?.[1]
  return {
    isProfile: HEAD.startsWith(first.slice(0, HEAD.length)),
    writer: last === END || writer === undefined ? undefined : Number(writer),
  }
}

async function textAt(file: FileHandle, from: number, length: number): Promise<string> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, Math.max(0, from))
  return buffer.toString('utf8', 0, bytesRead)
}
