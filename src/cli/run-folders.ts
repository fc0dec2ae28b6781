import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isGridFile } from '../study/grid/index-files.ts'
import { EXCHANGE } from '../study/queue/index.ts'
import { STORE_FILE } from '../study/queue/index-files.ts'
import { UPDATES } from '../study/updates/index.ts'
import type { Mine } from '../tensor/outputs-files.ts'
import { isUnfinished } from '../tensor/whole-files.ts'
import { isRunPlace } from '../train/folders/index-files.ts'

/** Where runs are kept when no folder is named: `runs/2026-11-23T22-41-05-split-mnist-ewc-class-1`. */
export const defaultFolder = (...words: readonly string[]): string => {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  return join('runs', [stamp, ...words].join('-').replaceAll(/[^\w.+-]+/g, '-'))
}

/** Where runs of benchmarks are kept by content when no folder is named. */
export const DEFAULT_STORE = join('runs', 'store')

/** What the folder of a run may hold. */
export const ownRun: Mine = {
  what: 'that of a run, which then goes on',
  is: (_path, names) => isRunPlace(names),
}

/** What the folder of several runs may hold: theirs, which they are, and what they came to. */
export const ownRuns: Mine = {
  what: 'that of a benchmark, which then goes on',
  is: async (path, names) => {
    const inner = await Promise.all(
      names
        .filter((name) => !isOwnFile(name))
        .map((name) => readdir(join(path, name)).catch(() => undefined)),
    )
    return inner.every((found) => found !== undefined && isRunPlace(found))
  },
}

/** Whether a store has the folder of any run. */
export const holdsRuns = async (store: string): Promise<boolean> =>
  (await readdir(store, { withFileTypes: true }).catch(() => [])).some(
    (entry) => entry.isDirectory() && !isOwnFile(entry.name),
  )

/** What is not a run's in the folder of several. */
const isOwnFile = (name: string): boolean =>
  name === 'bench.json' ||
  name === STORE_FILE ||
  name === EXCHANGE ||
  name === UPDATES ||
  isGridFile(name) ||
  isUnfinished(name) ||
  /\.(html|md)$/i.test(name)
