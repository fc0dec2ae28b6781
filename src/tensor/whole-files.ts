import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { EnvironmentError, HoldfastError } from '../errors.ts'

/** Writes all bytes, however few the system takes at a time. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0
  while (done < bytes.byteLength) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.byteLength - done, 2 ** 30))
    done += bytesWritten
  }
}

const unfinished = /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.partial$/

/** Whether a file of this name was being written by {@link writeWhole} when its process ended. */
export const isUnfinished = (name: string): boolean => unfinished.test(name)

/**
 * Writes a file beside its place, syncs, renames, and syncs the folder, so that it is whole whatever happens: the old
 * one or the new.
 *
 * @param content The bytes or text, or what writes them.
 * @throws EnvironmentError `write-failed` when the disk does not take it.
 */
export async function writeWhole(
  path: string,
  content: Uint8Array | string | ((file: FileHandle) => Promise<void>),
): Promise<void> {
  // Two may write the same file at once, from threads of one process too.
  const beside = `${path}.${randomUUID()}.partial`
  try {
    const file = await open(beside, 'w')
    try {
      if (typeof content === 'function') await content(file)
      else await writeAll(file, typeof content === 'string' ? new TextEncoder().encode(content) : content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
    await syncFolder(dirname(path))
  } catch (cause) {
    // Where there is no folder there is no file to remove either.
    await rm(beside, { force: true }).catch(() => undefined)
    if (cause instanceof HoldfastError) throw cause
    const reason = (await obstacle(path)) ?? (cause instanceof Error ? cause.message : String(cause))
    throw new EnvironmentError('write-failed', `${path}: it could not be written (${reason}).`, { cause })
  }
}

/** What stands at a path, or on the way to it, so that no file can be written there; undefined where nothing does. */
async function obstacle(path: string): Promise<string | undefined> {
  const kind = async (at: string) => {
    const found = await stat(at).catch(() => undefined)
    return found && (found.isDirectory() ? 'folder' : 'file')
  }
  if ((await kind(path)) === 'folder') return 'it is a folder: name a file in it'
  for (let at = dirname(path), below = path; at !== below; below = at, at = dirname(at)) {
    const found = await kind(at)
    if (found === 'file') return `${at} is a file: name a folder`
    if (found === 'folder') return below === path ? undefined : `there is no folder ${below}: make it first`
  }
  return undefined
}

/** Windows cannot open folders; there a rename is durable on its own. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
