import { constants, type Stats, statSync } from 'node:fs'
import { access, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { DataError, HoldfastError } from '../errors.ts'

/** What the error is where something of a user cannot be read. */
export interface ReadFault {
  /** Default DataError. */
  readonly kind?: (new (code: string, message: string, options?: ErrorOptions) => HoldfastError) | undefined
  /** Default `file-unreadable`. */
  readonly code?: string | undefined
  /** The last sentence of its message: what to do. */
  readonly way?: string | undefined
}

/**
 * Does something with a file or folder of a user. What the operating system refuses becomes an error that names the path and says in
 * words what stands in the way; errors of ours pass.
 *
 * @throws The error that `fault` describes.
 * @example await reading('labels.txt', () => stat('labels.txt'), { kind: ModelError, code: 'labels-unreadable' })
 */
export async function reading<T>(path: string, action: () => Promise<T>, fault: ReadFault = {}): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause
    throw faultOf(path, readObstacle(path, cause), fault, cause)
  }
}

/**
 * The bytes of a file.
 *
 * @throws The error that `fault` describes, also for a folder, a pipe or a device.
 * @example const bytes = await readBytes('model.keep', { kind: CheckpointError, code: 'pack-missing' })
 */
export async function readBytes(path: string, fault: ReadFault = {}): Promise<Uint8Array> {
  await regularFile(path, fault)
  return reading(path, () => readFile(path), fault)
}

/** The same as text in UTF-8. */
export const readUtf8 = async (path: string, fault: ReadFault = {}): Promise<string> =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(await readBytes(path, fault))

/** The names in a folder. */
export const listFolder = (path: string, fault: ReadFault = {}): Promise<string[]> =>
  reading(path, () => readdir(path), fault)

/**
 * Whether something is there and what; undefined where there is nothing. Links that lead nowhere are nothing, links in a circle an error.
 *
 * @throws The error that `fault` describes.
 */
export const foundAt = (path: string, fault: ReadFault = {}): Promise<Stats | undefined> =>
  reading(
    path,
    () =>
      stat(path).catch((error: unknown) => {
        if (isAbsence(error)) return undefined
        throw error
      }),
    fault,
  )

/**
 * Opening a pipe waits for somebody to write to it, and what it gives is gone once it is read.
 *
 * @returns What is known of the file.
 * @throws The error that `fault` describes where there is no file, or it is another thing.
 */
export async function regularFile(path: string, fault: ReadFault = {}): Promise<Stats> {
  const found = await reading(path, () => stat(path), fault)
  if (found.isFile()) {
    await reading(path, () => access(path, constants.R_OK), fault)
    return found
  }
  const what = found.isDirectory()
    ? 'it is a folder, and a file was expected'
    : 'a file was expected, but it is a pipe or a device; write its content to a file first'
  throw faultOf(path, what, fault)
}

/** Whether the system says only that there is no such file or folder. */
export const isAbsence = (error: unknown): boolean => {
  const code = systemCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

function faultOf(path: string, obstacle: string, fault: ReadFault, cause?: unknown): HoldfastError {
  const { kind: Kind = DataError, code = 'file-unreadable', way } = fault
  return new Kind(code, `${path}: ${obstacle}.${way === undefined ? '' : ` ${way}`}`, { cause })
}

/**
 * What stands in the way of reading, as the end of a sentence.
 *
 * @example readObstacle('a/b', { code: 'ENOENT' }) // 'there is no such file or folder'
 */
export function readObstacle(path: string, error: unknown): string {
  const code = systemCode(error)
  if (code === 'ENOTDIR') return `there is no such file or folder, as ${fileOnTheWay(path)} is a file`
  const known = code === undefined ? undefined : obstacles.get(code)
  if (known !== undefined) return known
  return `it cannot be read (${error instanceof Error ? error.message : String(error)})`
}

/** By what the operating system, or Node, calls them. */
const obstacles: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['EISDIR', 'it is a folder, and a file was expected'],
  ['EACCES', 'the system does not let you read it; change its permissions, or those of its folders'],
  ['EPERM', 'the system does not let you read it; change its permissions, or those of its folders'],
  ['ELOOP', 'its symbolic links lead in a circle; give the path of the file itself'],
  ['ENAMETOOLONG', 'the path is longer than the system takes'],
  ['EMFILE', 'too many files are open at once; raise the limit (ulimit -n 4096), and try again'],
  ['ENFILE', 'too many files are open on this machine; end other programs, and try again'],
  ['EIO', 'the disk cannot read it; the disk may be failing, so take a copy from elsewhere'],
  ['ERR_FS_FILE_TOO_LARGE', 'it is larger than the 2 GiB that can be read at once; split it'],
  ['ERR_INVALID_ARG_VALUE', 'the path has a NUL character in it'],
])

/** What the operating system, or Node, calls an error. */
export const systemCode = (error: unknown): string | undefined => {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}

/** The nearest thing above a path that is there and no folder. */
function fileOnTheWay(path: string): string {
  for (let at = dirname(path); ; at = dirname(at)) {
    const found = statSync(at, { throwIfNoEntry: false })
    if (found && !found.isDirectory()) return at
    if (dirname(at) === at) return resolve(path)
  }
}
