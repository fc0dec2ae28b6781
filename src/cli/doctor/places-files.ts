import { constants } from 'node:fs'
import { access, readdir, stat, statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { cacheBytes, cachePlace } from '../../data/cache/index-files.ts'
import { listDatasets } from '../../data/catalogue/index-files.ts'

/** Where files lie that no flag names. */
export interface Places {
  readonly cache: {
    readonly folder: string
    /** What said so. */
    readonly from: ReturnType<typeof cachePlace>['from']
    readonly files: number
    readonly bytes: number
    /** What decoded rows may take of it. */
    readonly rowBytes: number
    readonly writable: boolean
    /** Free on its disk; null where the system does not tell. */
    readonly freeBytes: number | null
  }
  readonly data: {
    /** HOLDFAST_DATA, which is looked at first; null where it is not set. */
    readonly folder: string | null
    readonly exists: boolean
    /** Data sets known by name that are here, and where. */
    readonly sets: readonly { readonly name: string; readonly folder: string }[]
  }
}

/** @throws UsageError `cache-bytes`. */
export async function placesHere(): Promise<Places> {
  const { HOLDFAST_DATA } = process.env
  const place = cachePlace()
  const there = await nearest(place.folder)
  const sets = (await listDatasets()).flatMap(({ name, folder }) => (folder ? [{ name, folder }] : []))
  return {
    cache: {
      ...place,
      ...(await sizeOf(place.folder)),
      rowBytes: cacheBytes(),
      writable: await takesFiles(there),
      freeBytes: await statfs(there).then(
        ({ bavail, bsize }) => bavail * bsize,
        () => null,
      ),
    },
    data: {
      folder: HOLDFAST_DATA || null,
      exists: HOLDFAST_DATA ? await holds(access(HOLDFAST_DATA)) : false,
      sets,
    },
  }
}

/** The folder, or the one nearest above that is there. */
async function nearest(folder: string): Promise<string> {
  const path = resolve(folder)
  const above = dirname(path)
  return above === path || (await holds(access(path))) ? path : nearest(above)
}

/** Links to folders are followed. */
const takesFiles = async (path: string): Promise<boolean> =>
  (await stat(path)).isDirectory() && holds(access(path, constants.W_OK | constants.X_OK))

const holds = (question: Promise<void>): Promise<boolean> =>
  question.then(
    () => true,
    () => false,
  )

/** All files under a folder; what cannot be read, or goes while it is counted, counts for nothing. */
async function sizeOf(folder: string): Promise<{ readonly files: number; readonly bytes: number }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile())
  const sizes = await Promise.all(
    files.map(({ parentPath, name }) =>
      stat(join(parentPath, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return { files: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}
