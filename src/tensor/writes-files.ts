import { mkdir, rmdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { EnvironmentError, HoldfastError } from '../errors.ts'
import { systemCode } from './reads-files.ts'

/** What is to be written at a path. */
type Written = 'file' | 'folder'

/**
 * Does something that writes a file or folder. What the operating system refuses becomes an error that names the path and says in
 * words what stands in the way; errors of ours pass.
 *
 * @throws EnvironmentError `write-failed`.
 * @example await writing('events.jsonl', () => appendFile('events.jsonl', line))
 */
export async function writing<T>(path: string, action: () => Promise<T>, kind: Written = 'file'): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause
    const reason = await writeObstacle(path, cause, kind)
    throw new EnvironmentError('write-failed', `${path}: it could not be written (${reason}).`, { cause })
  }
}

/**
 * Makes a folder and those on the way to it, where they are not there.
 *
 * @returns The first that was made; undefined where all were there.
 * @throws EnvironmentError `write-failed`.
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  return writing(path, () => mkdir(path, { recursive: true }), 'folder')
}

/**
 * Takes away a folder, and those on the way to it, that {@link makeFolder} made, where they are still empty: one that is not stays, and so do
 * those that it lies in.
 *
 * @param first What that gave back.
 */
export async function removeMade(path: string, first: string | undefined): Promise<void> {
  if (first === undefined) return
  for (let at = resolve(path); ; at = dirname(at)) {
    const gone = await rmdir(at).then(
      () => true,
      () => false,
    )
    if (!gone || at === resolve(first) || dirname(at) === at) return
  }
}

/**
 * What stands in the way of writing, as the end of a sentence.
 *
 * @example await writeObstacle('a.keep', { code: 'ENOSPC' }) // 'the disk is full; …'
 */
export async function writeObstacle(path: string, error: unknown, kind: Written = 'file'): Promise<string> {
  const code = systemCode(error)
  const inPlace = code !== undefined && ofPlaces.has(code) ? await thingInPlace(path, kind) : undefined
  return inPlace ?? systemObstacle(error)
}

/** The same by what the system says alone, without a look at the path. */
export function systemObstacle(error: unknown): string {
  const code = systemCode(error)
  const known = code === undefined ? undefined : obstacles.get(code)
  return known ?? (error instanceof Error ? error.message : String(error))
}

/** What the system says where something else lies at a path, or nothing on the way to it. */
const ofPlaces: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'EEXIST',
  'ENOTEMPTY',
  // Windows says so of a folder where a file is to be put.
  ...(process.platform === 'win32' ? ['EPERM'] : []),
])

/** By what the operating system calls them. */
const obstacles: ReadonlyMap<string, string> = new Map([
  ['ENOSPC', 'the disk is full; make room, or name a place on another disk'],
  ['EDQUOT', 'your quota of this disk is used up; make room, or name a place on another disk'],
  ['EROFS', 'the disk can only be read; name a place on another'],
  ['EACCES', 'the system does not let you write there; change the permissions, or name another place'],
  ['EPERM', 'the system does not let you write there; change the permissions, or name another place'],
  ['EBUSY', 'another program holds it; end that, and try again'],
  ['ETXTBSY', 'another program runs it; end that, and try again'],
  ['EFBIG', 'it is larger than a file may be on this disk; name a place on another'],
  ['ELOOP', 'its symbolic links lead in a circle; name another place'],
  ['ENAMETOOLONG', 'the path is longer than the system takes; choose a shorter one'],
  ['EMFILE', 'too many files are open at once; raise the limit (ulimit -n 4096), and try again'],
  ['ENFILE', 'too many files are open on this machine; end other programs, and try again'],
  ['EIO', 'the disk cannot write it; it may be failing, so name a place on another'],
  ['EXDEV', 'it lies on another disk than the folder that it is written in; name a place on one disk'],
  ['ENOENT', 'it, or a folder on the way to it, was removed in the meantime'],
  ['EEXIST', 'something of that name is there already; name another place'],
  ['ERR_INVALID_ARG_VALUE', 'the path has a NUL character in it'],
])

/** What stands at a path, or on the way to it, so that nothing can be written there; undefined where nothing does. */
async function thingInPlace(path: string, kind: Written): Promise<string | undefined> {
  const thingAt = async (at: string) => {
    const found = await stat(at).catch(() => undefined)
    return found && (found.isDirectory() ? 'folder' : 'file')
  }
  if (kind === 'file' && (await thingAt(path)) === 'folder') return 'it is a folder: name a file in it'
  const start = kind === 'file' ? dirname(path) : path
  let below: string | undefined
  for (let at = start; at !== below; at = dirname(at)) {
    const found = await thingAt(at)
    if (found === 'file') return `${at} is a file: name a folder`
    if (found === 'folder')
      return below === undefined
        ? undefined
        : `there is no folder ${below}: make it first, or, where it was removed meanwhile, start the command again`
    below = at
  }
  return undefined
}
