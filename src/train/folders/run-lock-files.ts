import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { link, open, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import { EnvironmentError } from '../../errors.ts'
import { reading, systemCode } from '../../tensor/reads-files.ts'
import { writing } from '../../tensor/writes-files.ts'
import { machineName } from './machine-name-node.ts'
import { runningProcess } from './running-process-files.ts'

interface Holder {
  readonly pid: number
  readonly host: string
  /** Of the processes that `pid` counts among; see {@link machineName}. Null in locks of old. */
  readonly machine: string | null
  /** Seconds within which the lock's file is touched while its process lives; null where it never is. */
  readonly lease: number | null
  /** When the process began, where the system tells: a number may be given to another process later. */
  readonly started: string | null
  readonly thread: number
  /** Of this one taking, so that no two locks are alike. */
  readonly nonce: string
}

/** A lock file as it was found. */
interface Lock {
  readonly text: string
  /** Undefined where the text is no lock. */
  readonly holder: Holder | undefined
}

/** Takings of this thread that are not given back: the lock file alone cannot tell two runs of one thread apart. */
const held = new Set<string>()

const attempts = 100
const pauseMilliseconds = 10
/** How long a lock of another machine has to lie untouched until it counts as left behind. */
const LEASE_SECONDS = 60
const TOUCHES_A_LEASE = 6
const LOOKS_A_LEASE = 60

/** A folder, or the place of a file, that this process holds. */
export interface Held {
  /**
   * Makes sure that it still does: a process that was asleep for more than a minute may have lost it to another machine.
   *
   * @throws EnvironmentError `run-lost`.
   */
  check(): Promise<void>
  giveBack(): Promise<void>
  /** The same at once, for a process that ends. */
  leave(): void
}

/** What a lock is about, as its errors say it. */
interface Locked {
  /** Where the lock lies. */
  readonly file: string
  /** The folder or file that it is for. */
  readonly said: string
  readonly code: 'run-in-use' | 'out-in-use'
  /** Ends the sentence "… is in use by process 7. …". */
  readonly way: string
}

/**
 * Takes a folder for this process: two runs in one folder would destroy each other's checkpoints. A lock left behind by a
 * process that is gone does not count. Of processes of other machines nothing can be known but that they touch their locks,
 * so one that nobody touched while this process watched for a minute is left behind, too. No clocks are compared.
 *
 * @param lease in seconds
 * @throws EnvironmentError `run-in-use` naming the process that has it.
 */
export const lockFolder = (folder: string, lease = LEASE_SECONDS): Promise<Held> =>
  lockAt({ file: join(folder, 'lock'), said: folder, code: 'run-in-use', way: 'Wait until it ends' }, lease)

/**
 * The same with a lock of any name, for what it is about.
 *
 * @throws EnvironmentError with the code of what is locked, naming the process that has it.
 */
export async function lockAt(locked: Locked, lease = LEASE_SECONDS): Promise<Held> {
  const started = (await runningProcess(process.pid))?.started ?? null
  const mine: Holder = {
    ...{ pid: process.pid, host: hostname(), machine: machineName(), started, thread: threadId },
    ...{ nonce: randomUUID(), lease },
  }
  const text = JSON.stringify(mine)
  // Before the file is there: another run of this thread may find it at once.
  held.add(mine.nonce)
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const answer = await take(locked.file, text)
      if (answer === 'taken') return holding(locked, mine, lease)
      if (answer !== 'lost') throw inUse(locked, answer)
      await sleep(pauseMilliseconds)
    }
    throw new EnvironmentError(locked.code, `${locked.said} is being taken by other processes. Try again.`)
  } catch (error) {
    held.delete(mine.nonce)
    throw error
  }
}

function holding({ file, said }: Locked, { nonce }: Holder, lease: number): Held {
  const isMine = async () => (await readLock(file))?.holder?.nonce === nonce
  const touch = async () => {
    const now = new Date()
    // What cannot be touched now is touched the next time; that it is lost is seen by `check`.
    if (await isMine()) await utimes(file, now, now)
  }
  const timer = setInterval(() => void touch().catch(() => undefined), (lease * 1000) / TOUCHES_A_LEASE)
  timer.unref()
  return {
    check: async () => {
      if (await isMine()) return
      throw new EnvironmentError(
        'run-lost',
        `${said} was taken over by another process, as this one gave no sign of life for ${lease} seconds. The other goes on with the run.`,
      )
    },
    giveBack: async () => {
      clearInterval(timer)
      if (await isMine()) await rm(file, { force: true })
      held.delete(nonce)
    },
    leave: () => {
      if (existsSync(file) && readFileSync(file, 'utf8').includes(nonce)) rmSync(file, { force: true })
    },
  }
}

const inUse = ({ file, said, code, way }: Locked, { pid, host }: Holder): EnvironmentError =>
  new EnvironmentError(
    code,
    `${said} is in use by process ${pid}${host === hostname() ? '' : ` on ${host}`}. ${way}; if it is gone for good, remove ${file}.`,
  )

/**
 * One attempt. A left-over is replaced by a rename, and only by who holds the claim on it (a lock like any other, named after
 * the left-over) and has seen, holding it, that the left-over still stands: nobody else can have replaced it then, or do so
 * before the rename. Whoever read the same left-over and comes late finds another lock in its place.
 *
 * @returns `lost` where others were faster; the holder where it is alive
 */
async function take(file: string, text: string): Promise<'taken' | 'lost' | Holder> {
  if (await place(file, text, link)) return 'taken'
  const found = await readLock(file)
  if (!found) return 'lost'
  if (found.holder && (await isAlive(found.holder, file))) return found.holder
  const claim = claimOn(file, found.text)
  if ((await take(claim, text)) !== 'taken') return 'lost'
  try {
    const same = (await readLock(file))?.text === found.text
    return same && (await place(file, text, rename)) ? 'taken' : 'lost'
  } finally {
    await rm(claim, { force: true })
  }
}

/** Where the claim on a lock lies. Its name is that of a temporary file: what a run folder removes when it is opened. */
export function claimOn(file: string, text: string): string {
  const name = createHash('sha256')
    .update(`${basename(file)}\n${text}`)
    .digest('hex')
    .slice(0, 32)
  return join(dirname(file), `.lock.${name}.tmp`)
}

/** Writes a lock beside and moves it into place: it is there whole or not at all. False where it could not be moved there. */
async function place(
  file: string,
  text: string,
  move: (from: string, to: string) => Promise<void>,
): Promise<boolean> {
  const beside = join(dirname(file), `.lock.${randomUUID()}.tmp`)
  try {
    return await writing(file, async () => {
      await writeFile(beside, text)
      try {
        await move(beside, file)
        return true
      } catch (error) {
        const code = systemCode(error)
        // Gone: whoever holds the folder took it for a left-over.
        if (code === 'EEXIST' || code === 'ENOENT') return false
        throw error
      }
    })
  } finally {
    await rm(beside, { force: true })
  }
}

/** Undefined for a lock that is gone. */
async function readLock(file: string): Promise<Lock | undefined> {
  const fault = { kind: EnvironmentError, code: 'read-failed' }
  const text = await reading(
    file,
    () =>
      readFile(file, 'utf8').catch((cause: unknown) => {
        if (systemCode(cause) === 'ENOENT') return undefined
        throw cause
      }),
    fault,
  )
  return text === undefined ? undefined : { text, holder: holderOf(text) }
}

function holderOf(text: string): Holder | undefined {
  try {
    const { pid, host, ...rest } = JSON.parse(text) as Partial<Holder>
    const { machine = null, lease = null, started = null, thread = 0, nonce = '' } = rest
    return typeof pid === 'number' && typeof host === 'string'
      ? { pid, host, machine, lease, started, thread, nonce }
      : undefined
  } catch {
    return undefined
  }
}

async function isAlive(holder: Holder, file: string): Promise<boolean> {
  const { pid, host, machine, lease, started, thread, nonce } = holder
  const here = machine === null ? host === hostname() : machine === machineName()
  if (!here) return lease === null || isTouched(file, lease)
  const now = await runningProcess(pid)
  if (!now || (started !== null && now.started !== null && started !== now.started)) return false
  // Of this process: what another of its threads holds cannot be seen from here.
  return pid !== process.pid || thread !== threadId || held.has(nonce)
}

/** Watches a lock for a lease: whether it is touched, or gives way to another. */
async function isTouched(file: string, lease: number): Promise<boolean> {
  const first = await touchedAt(file)
  for (let look = 0; look < LOOKS_A_LEASE; look++) {
    await sleep((lease * 1000) / LOOKS_A_LEASE)
    if ((await touchedAt(file)) !== first) return true
  }
  return false
}

/** Of a file that is opened a network's file system asks the server, instead of what it remembers. */
async function touchedAt(file: string): Promise<number | undefined> {
  const opened = await open(file, 'r').catch((cause: unknown) => {
    if (systemCode(cause) === 'ENOENT') return undefined
    throw cause
  })
  try {
    return (await opened?.stat())?.mtimeMs
  } finally {
    await opened?.close()
  }
}
