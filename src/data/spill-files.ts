import { randomUUID } from 'node:crypto'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { byteSize } from '../count.ts'
import { EnvironmentError, UsageError } from '../errors.ts'
import { atOnce, readAt } from '../tensor/whole-files.ts'
import { systemObstacle } from '../tensor/writes-files.ts'
import { cacheFolder } from './cache/index-files.ts'
import { machineMemory } from './machine-memory-node.ts'
import { bytesOf, eachRun, rowBytesOf } from './rows.ts'
import { type RowSource, SourcedTensor, type Spill, sourceOf } from './spilled.ts'

/** A place for rows that is given back when it is closed. */
export interface OpenSpill extends Spill {
  /** Bytes on disk. */
  readonly spilled: () => number
  /** What lies on disk, as a sentence for `place`; undefined where nothing does. `what`: what it is, by default rows. */
  readonly note: (place: string, what?: string) => string | undefined
  /** Its rows on disk are gone then: close it when nothing reads them any more. Else it is closed once nothing refers to it. */
  close(): void
}

/**
 * Keeps rows in memory up to a limit, all that go through it together, and what is more in one file in HOLDFAST_CACHE (default
 * `~/.cache/holdfast`), which has no name any more once it is open: it is gone when it is closed, or its process ends, however it ends.
 *
 * @param maxBytes Default a quarter of the machine's memory.
 * @throws EnvironmentError `write-failed` when the disk does not take the rows, `read-failed` when it does not give them back;
 * UsageError `spill-closed` for rows that are read or kept after it was closed.
 */
export function openSpill(maxBytes = machineMemory() / 4): OpenSpill {
  const folder = (): string => join(cacheFolder(), 'spill')
  const held: Held = { file: undefined, closed: false }
  let left = maxBytes
  let end = 0
  const reserve = (bytes: number): boolean => {
    if (bytes > left) return false
    left -= bytes
    return true
  }
  // Another file may have the number of one that was closed: it is asked for each time.
  const opened = (): number => {
    if (held.closed) throw gone(folder())
    held.file ??= openUnnamed(folder)
    return held.file
  }
  const spill: OpenSpill = {
    reserve,
    keep: (rows) => {
      if (sourceOf(rows) || rows.type === 'string') return rows
      const bytes = bytesOf(rows)
      if (reserve(bytes.length)) return rows
      return new SourcedTensor(rows.type, rows.dims, rowsAt(spill, spill.lay(bytes), rowBytesOf(rows)))
    },
    lay: (bytes) => {
      const from = end
      end += bytes.length
      writeFully(opened(), bytes, from, folder)
      return from
    },
    read: (at, into) => readFully(opened(), into, at, folder),
    spilled: () => end,
    note: (place, what = 'rows') =>
      end === 0
        ? undefined
        : `${place}: ${byteSize(end)} of ${what} have no room in the ${byteSize(maxBytes)} of memory that ${what} may take, and lie in ${folder()} until this ends (maxBytes).`,
    close: () => closeHeld(held),
  }
  forgotten.register(spill, held)
  return spill
}

/** A file that may be open. */
interface Held {
  file: number | undefined
  closed: boolean
}

function closeHeld(held: Held): void {
  if (held.file !== undefined) closeSync(held.file)
  held.file = undefined
  held.closed = true
}

const forgotten = new FinalizationRegistry<Held>(closeHeld)

const gone = (folder: string): UsageError =>
  new UsageError(
    'spill-closed',
    `${folder}: the place for rows that have no room in memory was closed, and what lay there is gone. Close it when nothing reads or keeps rows there any more.`,
  )

/** A file that only this process can find. */
function openUnnamed(folder: () => string): number {
  const own = folder()
  const path = join(own, randomUUID())
  return orRefused(folder, () => {
    mkdirSync(own, { recursive: true, mode: 0o700 })
    const file = openSync(path, 'wx+', 0o600)
    rmSync(path)
    return file
  })
}

/** Rows of so many bytes that lie from some place on. */
const rowsAt = (spill: Spill, from: number, width: number): RowSource => ({
  copy: (indices, into) =>
    eachRun(indices, (first, count, at) =>
      spill.read(from + first * width, into.subarray(at * width, (at + count) * width)),
    ),
  spill,
})

/** @throws EnvironmentError `write-failed` */
function orRefused<T>(folder: () => string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    throw new EnvironmentError(
      'write-failed',
      `${folder()}: rows for which there is no room in memory could not be kept there (${systemObstacle(cause)}). HOLDFAST_CACHE names another folder, and a higher limit (maxBytes) leaves more of them in memory.`,
      { cause },
    )
  }
}

function writeFully(file: number, bytes: Uint8Array, position: number, folder: () => string): void {
  for (let done = 0; done < bytes.length; ) {
    const most = Math.min(bytes.length - done, atOnce)
    done += orRefused(folder, () => writeSync(file, bytes, done, most, position + done))
  }
}

function readFully(file: number, into: Uint8Array, position: number, folder: () => string): void {
  if (readAt(file, into, position) === into.length) return
  throw new EnvironmentError(
    'read-failed',
    `${folder()}: rows that were kept there ended too early. The disk may be failing: name a folder on another one (HOLDFAST_CACHE).`,
  )
}
