import { rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { sameDims } from '../../tensor/tensor.ts'
import { sha256 } from '../sha256.ts'
import { entriesOf, evict } from './eviction-files.ts'
import { type CachedRow, openEntry, type RowEntry } from './row-entry-files.ts'
import { type NewRow, type RowWriter, writeEntry } from './row-writer-files.ts'

/** Rows that were computed before, by the content that they were computed from. */
export interface RowCache {
  /** @param key The content's SHA-256, one character a byte. */
  readonly find: (key: string) => CachedRow | undefined
  /**
   * Takes in rows that were not found.
   *
   * @param dims Of each.
   * @param milliseconds What computing them took.
   */
  readonly add: (rows: readonly NewRow[], dims: readonly number[], milliseconds: number) => Promise<void>
  /** Writes what was added, where it is worth it, as one entry. */
  readonly close: () => Promise<void>
}

export interface RowCacheOptions {
  /** Where all caches of rows lie. */
  readonly folder: string
  /** All that the rows depend on beside the content. */
  readonly recipe: unknown
  /** What all entries together may take; the ones that were not used for longest go first. */
  readonly mostBytes: number
  /** Rows are kept once computing them took so many milliseconds; default 1,000. */
  readonly worth?: number | undefined
  /** Told once where the cache cannot be used, with the reason. */
  readonly onProblem: (reason: string) => void
}

/**
 * Opens the cache of rows that are made by one recipe. An entry holds the rows that one reading of data had to compute: data that
 * change a little find most of their rows. Processes may use it at the same time: entries are put in place whole, and one
 * that another process removes is computed again. Damaged entries are removed.
 *
 * No failure of the cache is one of the reading: it goes on without.
 */
export async function openRowCache(options: RowCacheOptions): Promise<RowCache> {
  const folder = join(options.folder, sha256().update(JSON.stringify(options.recipe)).hex().slice(0, 32))
  const { entries, places } = await openEntries(folder)
  const used = new Set<string>()
  const removals: Promise<void>[] = []
  const writing = rowWriting(folder, options)
  return {
    find: (key) => {
      const place = places.get(key)
      const entry = place && entries.get(place.path)
      if (!place || !entry) return undefined
      const row = entry.row(place.at)
      return {
        ...row,
        read: (into) => {
          if (readable(row, into)) {
            used.add(place.path)
            return true
          }
          entries.delete(place.path)
          entry.close()
          removals.push(removed(place.path))
          return false
        },
      }
    },
    add: writing.add,
    close: async () => {
      await Promise.all(removals)
      const now = new Date()
      for (const [path, entry] of entries) {
        entry.close()
        // Another process may have removed it.
        if (used.has(path)) await utimes(path, now, now).catch(() => undefined)
      }
      await writing.close()
    },
  }
}

/** An entry that another process removed is as one that is damaged. */
function readable(row: CachedRow, into: Uint8Array): boolean {
  try {
    return row.read(into)
  } catch {
    return false
  }
}

/** What cannot be removed stays, and is found damaged again. */
const removed = (path: string): Promise<void> => rm(path, { force: true }).catch(() => undefined)

async function openEntries(folder: string) {
  const entries = new Map<string, RowEntry>()
  const places = new Map<string, { readonly path: string; readonly at: number }>()
  for (const { path } of await entriesOf(folder)) {
    const entry = await openEntry(path).catch(() => undefined)
    if (entry) {
      entries.set(path, entry)
      for (const [at, key] of entry.keys.entries()) places.set(key, { path, at })
    } else {
      await removed(path)
    }
  }
  return { entries, places }
}

/** Holds rows back until they are worth keeping, then writes them as they come. */
function rowWriting(
  folder: string,
  { worth = 1000, mostBytes, onProblem, folder: root }: RowCacheOptions,
): Pick<RowCache, 'add' | 'close'> {
  let held: NewRow[] = []
  let spent = 0
  let current: { readonly dims: readonly number[]; writer?: RowWriter } | undefined
  let given = false
  const guarded = async (action: () => Promise<void>): Promise<void> => {
    if (given) return
    try {
      await action()
    } catch (error) {
      await giveUp()
      onProblem(error instanceof Error ? error.message : String(error))
    }
  }
  const giveUp = async (): Promise<void> => {
    given = true
    held = []
    await current?.writer?.abandon()
  }
  /** An entry holds rows of one size; what of it was not worth writing is let go. */
  const finish = async (): Promise<void> => {
    held = []
    await current?.writer?.finish()
    current = undefined
  }
  return {
    add: (rows, dims, milliseconds) =>
      guarded(async () => {
        if (current && !sameDims(current.dims, dims)) await finish()
        current ??= { dims }
        spent += milliseconds
        for (const row of rows) held.push(row)
        if (spent < worth || held.length === 0) return
        current.writer ??= await writeEntry(folder, dims)
        await current.writer.write(held)
        held = []
        if (current.writer.bytes() > mostBytes) await giveUp()
      }),
    close: () =>
      guarded(async () => {
        await finish()
        await evict(root, mostBytes)
      }),
  }
}
