import { randomUUID } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { EnvironmentError } from '../../errors.ts'

interface Holder {
  readonly pid: number
  readonly host: string
  /** When the process began, where the system tells: a number may be given to another process later. */
  readonly started: string | null
}

/** Folders that this process holds: the lock file alone cannot tell two runs of one process apart. */
const held = new Set<string>()

/**
 * Takes a folder for this process: two runs in one folder would destroy each other's checkpoints. A lock left behind by a
 * process that is gone does not count.
 *
 * @returns a function that gives the folder back
 * @throws EnvironmentError `run-in-use` naming the process that has it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const file = join(folder, 'lock')
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await take(folder, file)) {
      held.add(file)
      return async () => {
        held.delete(file)
        await rm(file, { force: true })
      }
    }
    const holder = await readHolder(file)
    if (holder && (await isAlive(holder, file))) {
      throw new EnvironmentError(
        'run-in-use',
        `${folder} is in use by process ${holder.pid}${holder.host === hostname() ? '' : ` on ${holder.host}`}. Wait until it ends; if it is gone for good, remove ${file}.`,
      )
    }
    await rm(file, { force: true })
  }
  throw new EnvironmentError('run-in-use', `${folder} is being taken by other processes. Try again.`)
}

/** Writes the lock beside and links it into place: it is there whole or not at all, and only one can do it. */
async function take(folder: string, file: string): Promise<boolean> {
  const mine: Holder = { pid: process.pid, host: hostname(), started: (await processOf(process.pid)).started }
  const beside = join(folder, `.lock.${randomUUID()}.tmp`)
  try {
    await writeFile(beside, JSON.stringify(mine))
    await link(beside, file)
    return true
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // Gone: whoever holds the folder took it for a left-over.
    if (code === 'EEXIST' || code === 'ENOENT') return false
    throw new EnvironmentError('write-failed', `${file} could not be written: ${message}`, { cause: error })
  } finally {
    await rm(beside, { force: true })
  }
}

/** Undefined for a lock that is gone or no lock. */
async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    const holder = JSON.parse(await readFile(file, 'utf8')) as Partial<Holder>
    return typeof holder.pid === 'number' && typeof holder.host === 'string'
      ? { pid: holder.pid, host: holder.host, started: holder.started ?? null }
      : undefined
  } catch {
    return undefined
  }
}

async function isAlive(holder: Holder, file: string): Promise<boolean> {
  // Nothing can be known of another machine's processes, so its lock stands.
  if (holder.host !== hostname()) return true
  if (holder.pid === process.pid) return held.has(file)
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const { started, dead } = await processOf(holder.pid)
  return !dead && (holder.started === null || started === null || started === holder.started)
}

/** Linux: a process's start in clock ticks since boot, and whether it is dead but not yet buried; nothing elsewhere. */
async function processOf(pid: number): Promise<{ started: string | null; dead: boolean }> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may hold spaces; the third field comes after it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { started: fields[19] ?? null, dead: fields[0] === 'Z' }
  } catch {
    return { started: null, dead: false }
  }
}
