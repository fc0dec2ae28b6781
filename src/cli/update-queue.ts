import { basename, dirname, join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { present } from '../required.ts'
import { askForUpdate, sendUpdate } from '../study/queue/index-files.ts'
import { type UpdateJob, updateIdentity } from '../study/updates/index.ts'
import { contentOf, fromStore, RESULT_PLACE } from '../study/updates/index-files.ts'
import { computedBy, runVersions } from '../train/folders/index-files.ts'
import { engineFor } from './engine.ts'
import { type FlagFacts, readWords } from './flags/index.ts'
import type { Outputs } from './outputs.ts'
import { checkPlaces } from './places.ts'
import { openClient } from './queue-client.ts'
import { DEFAULT_STORE, ownRuns } from './run-folders.ts'
import { readsOfUpdate, type UpdateSettings, writesOfUpdate } from './update-flags.ts'
import type { Answer, Call } from './verb.ts'

/** Flags that are about the queue, and not about the update. */
const aboutQueue = [
  'queue',
  'queuePrefix',
  'priority',
  'store',
  'detach',
  'json',
  'quiet',
  'debug',
  'profile',
]

/**
 * An update that a worker does. What it reads has to lie at the same path there, with the same content; what it writes is left in the
 * store, and copied to where it was asked for. The same command finds an update that is under way, or done.
 */
export async function updateByQueue(
  asked: UpdateSettings,
  call: Call,
  facts: readonly FlagFacts[],
  outputs: Outputs,
): Promise<Answer> {
  const { store = DEFAULT_STORE } = asked
  refuseHere(asked)
  await checkPlaces([], [{ flag: '--store', path: store, kind: 'folder', mine: ownRuns }], outputs)
  // A run's last bits belong to its number of threads, and workers do one thing a core.
  const engine = engineFor({ ...asked, threads: asked.threads ?? 1 })
  const client = await openClient(
    { ...asked, queue: present(asked.queue, '--queue') },
    { store, engine },
    call.screen,
  )
  try {
    call.screen.stage('reading what the update reads')
    const update = await jobOf(asked, readWords({ name: 'update', examples: [] }, facts, call.words))
    const identity = updateIdentity(update, computedBy(runVersions(engine)))
    const name = `update of ${basename(asked.model)}, ${identity.slice(0, 8)}`
    const asking = { ...{ asking: client.asking, store, update, identity, name } }
    call.screen.draw([])
    if (asked.detach) {
      await sendUpdate(asking)
      return {
        json: { status: 'asked', update: identity, store: resolve(store) },
        text: `In the queue: ${name}. The same command without --detach waits for it, and writes ${asked.out}.`,
      }
    }
    const answer = await askForUpdate(asking, call.screen.say, call.signal)
    if (!answer) {
      return {
        json: { status: 'interrupted', update: identity, store: resolve(store) },
        text: 'Stopped waiting. The update stays in the queue, and a worker does it; the same command waits for it again.',
        exitCode: 1,
      }
    }
    const places = new Map(
      Object.keys(update.writes).map((key) => [key, dirname(present(writesOfUpdate(asked)[key], key))]),
    )
    await fromStore(store, identity, places)
    const here = (text: string) => asHere(text, places)
    return {
      exitCode: answer.exitCode,
      text: here(answer.text),
      json: JSON.parse(here(JSON.stringify(answer.json))),
    }
  } finally {
    await client.close()
  }
}

/** What an update says of its files, with their places on this machine. */
const asHere = (text: string, places: ReadonlyMap<string, string>): string =>
  [...places].reduce(
    (said, [key, folder]) => said.replaceAll(`${RESULT_PLACE}/${key}/`, folder === '.' ? '' : `${folder}/`),
    text,
  )

/** @throws UsageError `flag-value` for what only this process could do. */
function refuseHere({ dryRun, tensorboard, mlflow }: UpdateSettings): void {
  const reason = dryRun
    ? '--dry-run says what an update would do, and does it here; leave out --queue.'
    : tensorboard !== undefined || mlflow !== undefined
      ? '--tensorboard and --mlflow follow an update of this process, and with --queue a worker does it; leave them out.'
      : undefined
  if (reason !== undefined) throw new UsageError('flag-value', reason)
}

async function jobOf(
  asked: UpdateSettings,
  typed: ReadonlyMap<string, string | boolean | readonly string[]>,
): Promise<UpdateJob> {
  const reads: Record<string, UpdateJob['reads'][string]> = {}
  for (const { key, path } of readsOfUpdate(asked)) {
    if (path !== undefined)
      reads[key] = { path: resolve(path), sha256: await contentOf(path, key === 'model') }
  }
  const writes = Object.fromEntries(
    Object.entries(writesOfUpdate(asked)).flatMap(([key, path]) =>
      path === undefined ? [] : [[key, basename(path)] as const],
    ),
  )
  const left = new Set([...aboutQueue, ...Object.keys(reads), ...Object.keys(writes)])
  const said = Object.fromEntries(
    [...typed].flatMap(([key, value]) =>
      left.has(key) || typeof value === 'object' ? [] : [[key, value] as const],
    ),
  )
  return { kind: 'update', said: { threads: '1', ...said }, reads, writes }
}

/** The words of an update's command line on the machine that does it. */
export function wordsOf(
  { said, reads, writes }: UpdateJob,
  writesTo: (key: string) => string,
  facts: readonly FlagFacts[],
): string[] {
  const values = {
    ...said,
    ...Object.fromEntries(Object.entries(reads).map(([key, { path }]) => [key, path])),
    ...Object.fromEntries(Object.entries(writes).map(([key, name]) => [key, join(writesTo(key), name)])),
  }
  return Object.entries(values).map(([key, value]) => {
    const found = facts.find((fact) => fact.key === key)
    if (!found || aboutQueue.includes(key)) {
      throw new UsageError('queue-job', `An update in the queue has the setting "${key}", which none takes.`)
    }
    if (found.form === 'argument') return String(value)
    if (typeof value === 'boolean') return value ? `--${found.flag}` : `--no-${found.flag}`
    return `--${found.flag}=${value}`
  })
}
