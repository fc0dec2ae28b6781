import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { UsageError } from '../../errors.ts'
import { makeFolder, writing } from '../../tensor/writes-files.ts'
import { beginProfile, type Profile } from './profile-node.ts'
import { HEAD } from './trace-file.ts'

/**
 * Begins a profile in a file that is not there yet, or holds an older one.
 *
 * @throws UsageError `out-exists` for any other file; EnvironmentError `write-failed`.
 */
export async function openProfile(path: string, verb: string): Promise<Profile> {
  await makeFolder(dirname(path))
  const head = await headOf(path)
  if (head !== undefined && head !== HEAD.slice(0, head.length)) {
    throw new UsageError(
      'out-exists',
      `--profile ${path}: there is a file that is no profile. Name another one; nothing is written over but an older profile.`,
    )
  }
  return writing(path, async () => beginProfile(path, verb))
}

/** What a file begins with, as long as a profile's beginning is; undefined where there is none. */
async function headOf(path: string): Promise<string | undefined> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!file) return undefined
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD.length), 0, HEAD.length, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
