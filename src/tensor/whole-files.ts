import { randomUUID } from 'node:crypto'
import { readSync } from 'node:fs'
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { spanned } from '../spans.ts'
import { systemCode } from './reads-files.ts'
import { writing } from './writes-files.ts'

/** The most bytes that the system is asked for at a time: it takes 2 GiB less one byte at most. */
export const atOnce = 2 ** 30

/** Writes all bytes, however few the system takes at a time. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0
  while (done < bytes.byteLength) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(bytes.byteLength - done, atOnce))
    done += bytesWritten
  }
}

/**
 * Reads from a place of an open file until `into` is full or the file ends, however few bytes the system gives at a time.
 *
 * @returns How many there were.
 */
export function readAt(file: number, into: Uint8Array, position: number): number {
  let done = 0
  while (done < into.length) {
    const count = readSync(file, into, done, Math.min(into.length - done, atOnce), position + done)
    if (count === 0) break
    done += count
  }
  return done
}

const unfinished = /\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.partial$/

/** Whether a file of this name was being written by {@link writeWhole} when its process ended. */
export const isUnfinished = (name: string): boolean => unfinished.test(name)

type Content = Uint8Array | string | ((file: FileHandle) => Promise<void>)

/**
 * Writes a file beside its place, syncs, renames, and syncs the folder, so that it is whole whatever happens: the old
 * one or the new.
 *
 * @param content The bytes or text, or what writes them.
 * @throws EnvironmentError `write-failed` when the disk does not take it.
 */
export async function writeWhole(path: string, content: Content): Promise<void> {
  await spanned('write', () => writing(path, () => writtenWhole(path, content)), { file: basename(path) })
}

async function writtenWhole(path: string, content: Content): Promise<void> {
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
    throw cause
  }
}

/**
 * The same where no such file is there yet: of several that write it at once the first is right, for good.
 *
 * @throws EnvironmentError `write-failed` when the disk does not take it.
 */
export async function writeFirst(path: string, content: Uint8Array | string): Promise<void> {
  const beside = `${path}.${randomUUID()}.partial`
  await writeWhole(beside, content)
  await writing(path, () =>
    link(beside, path).catch((cause: unknown) => {
      if (systemCode(cause) !== 'EEXIST') throw cause
    }),
  ).finally(() => rm(beside, { force: true }))
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
