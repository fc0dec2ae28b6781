import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { count } from '../count.ts'
import { bounds } from '../data/bounds.ts'
import { UsageError } from '../errors.ts'
import { askersOfWaiting, mismatch, type ServeEvent, serveQueue } from '../study/queue/index-files.ts'
import { isFolder } from '../train/folders/index-files.ts'
import { engineFor, processesFor } from './engine.ts'
import { fromText, group, path, seconds } from './flags/index.ts'
import { checkPlaces } from './places.ts'
import { defaultJobs, inTime, openQueuePlace, type QueuePlace, queuePrefixFlag } from './queue-place.ts'
import { DEFAULT_STORE, ownRuns } from './run-folders.ts'
import type { Screen } from './screen.ts'
import { defineVerb } from './verb.ts'

const settings = z.object({
  url: fromText(z.string().min(1)).meta({
    argument: true,
    description:
      'Where the queue is: redis://HOST:PORT, over TLS rediss://; the password in HOLDFAST_REDIS_PASSWORD',
    hint: 'REDIS',
  }),
  ...group('Work', {
    store: path('DIR').optional().meta({
      description: 'Folder that keeps what is done: the same as that of who asks, shared by all machines',
      otherwise: DEFAULT_STORE,
    }),
    jobs: fromText(bounds.jobs()).optional().meta({ description: 'Runs at a time', otherwise: 'one a core' }),
    lease: seconds().default(30).meta({
      description: 'After so long without a sign of life a worker’s runs are given to others',
    }),
    idle: seconds().optional().meta({
      description: 'End when there was nothing to do for so long',
      otherwise: 'it waits on',
    }),
  }),
  ...queuePrefixFlag,
})

/** `holdfast worker`: does what `bench`, `learn` and `update` ask for by `--queue`. */
export const worker = defineVerb({
  name: 'worker',
  examples: ['holdfast worker redis://queue.example.com --store /shared/runs'],
  settings,
  run: async (asked, { screen, signal }, outputs) => {
    const store = asked.store ?? DEFAULT_STORE
    if (asked.store !== undefined) await refuseMissing(asked.store)
    await checkPlaces([], [{ flag: '--store', path: store, kind: 'folder', mine: ownRuns }], outputs)
    const { jobs = defaultJobs(1) } = asked
    const place = await openQueuePlace('worker', {
      ...{ url: asked.url, prefix: asked.queuePrefix, store, engine: engineFor(asked) },
    })
    const workers = processesFor(asked)
    const done = { finished: 0, failed: 0, rounds: 0, updates: 0 }
    const show = shown(screen, place.at)
    let idleSince = performance.now()
    const serving = await serveQueue({
      ...{ redis: place.redis, packages: place.packages, prefix: place.prefix, queue: place.queue },
      ...{ store, jobs, workers, lease: asked.lease },
      say: (event) => {
        idleSince = performance.now()
        if (event.type === 'finished') done[counted[event.kind]]++
        if (event.type === 'failed' && !event.again) done.failed++
        show(event)
      },
    })
    screen.say(`Waiting for runs at ${place.at}, ${count(jobs, 'run')} at a time, in ${place.self.store}.`)
    const isIdle = () =>
      asked.idle !== undefined && serving.atHand() === 0 && performance.now() - idleSince > asked.idle * 1000
    await untilEnd(signal, isIdle, noteAskers(place, screen))
    await serving.stop()
    await inTime(serving.close())
    await workers.close()
    await place.leave()
    return {
      json: done,
      text: `${count(done.finished, 'run')} finished${done.failed > 0 ? `, ${done.failed} failed` : ''}${
        done.rounds > 0 ? `, ${count(done.rounds, 'part')} of rounds done` : ''
      }${done.updates > 0 ? `, ${count(done.updates, 'update')} done` : ''}.`,
    }
  },
})

/** What a job that is done counts as. */
const counted = { run: 'finished', round: 'rounds', mean: 'rounds', update: 'updates' } as const

/** A folder that is not there is most often one that is not mounted. */
async function refuseMissing(store: string): Promise<void> {
  if (await isFolder(store)) return
  throw new UsageError(
    'store-missing',
    `--store ${store}: there is no such folder on this machine. It has to be the folder that bench was told with --store, shared by all machines: mount it, or, where it is to be new, make it first.`,
  )
}

const MILLISECONDS_A_TURN = 500
const TURNS_BETWEEN_LOOKS = 4

async function untilEnd(
  signal: AbortSignal,
  isIdle: () => boolean,
  look: () => Promise<void>,
): Promise<void> {
  for (let turn = 0; !signal.aborted && !isIdle(); turn++) {
    if (turn % TURNS_BETWEEN_LOOKS === 0) void look().catch(() => undefined)
    await sleep(MILLISECONDS_A_TURN, undefined, { signal }).catch(() => undefined)
  }
}

/** Says once of each asker whose jobs wait for other workers than this why they do. */
function noteAskers({ redis, prefix, self }: QueuePlace, screen: Screen): () => Promise<void> {
  const told = new Set<string>()
  return async () => {
    for (const asker of await askersOfWaiting(redis, prefix)) {
      const why = mismatch(self, asker)
      const line = `warning: what was asked for on ${asker.host} waits, and this worker does not do it: ${why}.`
      if (why === undefined || told.has(line)) continue
      told.add(line)
      screen.warn(line)
    }
  }
}

function shown(screen: Screen, at: string): (event: ServeEvent) => void {
  return (event) => {
    // A round takes a second or so, and its end is enough.
    if (event.type === 'begun' && counted[event.kind] !== 'rounds') screen.say(`${event.name}: begins`)
    else if (event.type === 'finished') screen.say(`${event.name}: ${event.said}`)
    else if (event.type === 'given-back') screen.say(`${event.name}: given back`)
    else if (event.type === 'failed') {
      screen.warn(`${event.name}: failed. ${event.message}${event.again ? ' It is tried again.' : ''}`)
    } else if (event.type === 'disconnected') {
      screen.warn(`warning: the Redis at ${at} is gone. Runs at hand go on, and it is tried again.`)
    } else if (event.type === 'connected') screen.say(`The Redis at ${at} is back.`)
  }
}
