import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isUnfinished } from '../../tensor/whole-files.ts'
import { entryExtension } from './row-writer-files.ts'

interface EntryFile {
  readonly path: string
  readonly bytes: number
  /** When it was written or used last, in milliseconds. */
  readonly used: number
}

/** More than this many files are not kept, however small they are: each is opened to look a row up. */
const mostEntries = 256
/** What is still being written after a day was left by a process that ended. */
const dayMilliseconds = 24 * 60 * 60 * 1000

/** The entries in a folder; none where there is no such folder. */
export const entriesOf = (folder: string): Promise<EntryFile[]> =>
  filesOf(folder, (name) => name.endsWith(entryExtension))

/** Removes the entries that were not used for longest until the rest takes no more than it may, and what was left unfinished. */
export async function evict(root: string, mostBytes: number): Promise<void> {
  const folders = (await namesIn(root)).map((name) => join(root, name))
  const entries = (await Promise.all(folders.map(entriesOf))).flat().sort((a, b) => b.used - a.used)
  const left = (await Promise.all(folders.map((folder) => filesOf(folder, isUnfinished)))).flat()
  let sum = 0
  const gone = entries.filter(({ bytes }, at) => {
    sum += bytes
    return sum > mostBytes || at >= mostEntries
  })
  const stale = left.filter(({ used }) => Date.now() - used > dayMilliseconds)
  // On Windows a file that another process reads cannot be removed; it goes the next time.
  await Promise.all([...gone, ...stale].map(({ path }) => rm(path, { force: true }).catch(() => undefined)))
}

async function filesOf(folder: string, wanted: (name: string) => boolean): Promise<EntryFile[]> {
  const found = (await namesIn(folder)).filter(wanted).map(async (name) => {
    const path = join(folder, name)
    // Another process may have removed it meanwhile.
    const facts = await stat(path).catch(() => undefined)
    return facts?.isFile() ? [{ path, bytes: facts.size, used: facts.mtimeMs }] : []
  })
  return (await Promise.all(found)).flat()
}

const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => [])
