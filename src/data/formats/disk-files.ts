import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { DataError, HoldfastError } from '../../errors.ts'
import type { NamedBytes } from './idx.ts'

/**
 * A file's bytes, unpacked where it is gzip.
 *
 * @throws DataError `file-unreadable`, `gzip-damaged`.
 */
export async function readUnpacked(path: string): Promise<NamedBytes> {
  const bytes = await reading(path, () => readFile(path))
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return { file: path, bytes }
  try {
    return { file: path, bytes: gunzipSync(bytes) }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataError(
      'gzip-damaged',
      `${path}: the gzip file cannot be unpacked (${reason}). Fetch it again.`,
      { cause: error },
    )
  }
}

/** Does something with a file; what goes wrong and is no error of ours becomes one that names the file. */
export async function reading<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof HoldfastError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataError('file-unreadable', `${path}: the file cannot be read (${reason}).`, { cause: error })
  }
}
