import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { writeAll } from '../../tensor/whole-files.ts'
import { entryTail, type IndexedRow } from './row-entry-files.ts'

/** A row to be written. */
export interface NewRow {
  readonly key: string
  readonly marks: number
  readonly bytes: Uint8Array
}

/** Writes one entry: row after row, then the index, and only then gives it its name. */
export interface RowWriter {
  readonly write: (rows: readonly NewRow[]) => Promise<void>
  /** Bytes written so far. */
  readonly bytes: () => number
  readonly finish: () => Promise<void>
  readonly abandon: () => Promise<void>
}

/**
 * Begins an entry in a folder. It is not synced: what a crash leaves of it is found damaged, and computed again.
 *
 * @param dims Of one row of uint8 values.
 */
export async function writeEntry(folder: string, dims: readonly number[]): Promise<RowWriter> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${randomUUID()}${entryExtension}`)
  const beside = `${path}.${randomUUID()}.partial`
  const file: FileHandle = await open(beside, 'wx', 0o600)
  const index: IndexedRow[] = []
  let bytes = 0
  return {
    write: async (rows) => {
      await writeAll(file, Buffer.concat(rows.map((row) => row.bytes)))
      for (const { key, marks, bytes: content } of rows) {
        index.push({ key, marks, crc: crc32(content) })
        bytes += content.length
      }
    },
    bytes: () => bytes,
    finish: async () => {
      await writeAll(file, entryTail(index, dims))
      await file.close()
      await rename(beside, path)
    },
    abandon: async () => {
      // Whatever went wrong before, this is all that can still be done.
      await file.close().catch(() => undefined)
      await rm(beside, { force: true }).catch(() => undefined)
    },
  }
}

/** What entries are called. */
export const entryExtension = '.rows'
