import { z } from 'zod'
import type { Engine } from '../engine/engine.ts'
import { type Asking, mismatch, openAsking, workersAt } from '../study/queue/index-files.ts'
import { fromText, group, path } from './flags/index.ts'
import { inTime, openQueuePlace, type QueuePlace, queuePrefixFlag } from './queue-place.ts'
import { DEFAULT_STORE } from './run-folders.ts'
import type { Screen } from './screen.ts'

/** Of jobs for which none is asked, and the last that the queue takes. */
const USUAL_PRIORITY = 100
const MOST_PRIORITY = 1_000_000

/** Flags of those that ask workers for something. */
export const queueFlags = {
  ...group('Queue', {
    queue: fromText(z.string().min(1)).optional().meta({
      description: 'Where workers do it (holdfast worker), over the same --store: redis://HOST:PORT',
      hint: 'REDIS',
      otherwise: 'this process does it',
    }),
    priority: fromText(z.int().min(1).max(MOST_PRIORITY))
      .optional()
      .meta({
        description: 'Among all that is in the queue: 1 comes first',
        otherwise: String(USUAL_PRIORITY),
      }),
  }),
  ...queuePrefixFlag,
}

/** The same for verbs that need a store for the queue alone. */
export const queueAndStoreFlags = {
  ...queueFlags,
  ...group('Queue', {
    store: path('DIR').optional().meta({
      description: 'With --queue: the folder that client and workers meet in, shared by all machines',
      otherwise: DEFAULT_STORE,
    }),
  }),
}

/** How jobs are asked for. */
export type QueueSettings = z.output<z.ZodObject<typeof queueFlags>>

/** Who asks the workers of a queue. */
export interface QueueClient {
  readonly place: QueuePlace
  readonly asking: Asking
  close(): Promise<void>
}

const MILLISECONDS_BETWEEN_LOOKS = 10_000

/** Goes to a queue, and says now and then whether somebody there does what is asked. */
export async function openClient(
  { queue: url, queuePrefix: prefix, priority = USUAL_PRIORITY }: QueueSettings & { readonly queue: string },
  { store, engine }: { readonly store: string; readonly engine: Engine },
  screen: Screen,
): Promise<QueueClient> {
  const place = await openQueuePlace('client', { url, prefix, store, engine })
  const { redis, packages, queue } = place
  const asking = await openAsking({ redis, packages, prefix, queue, priority })
  const look = workersNoted(place, screen)
  void look().catch(() => undefined)
  const timer = setInterval(() => void look().catch(() => undefined), MILLISECONDS_BETWEEN_LOOKS)
  let gone = false
  redis.on('close', () => {
    if (!gone)
      screen.warn(
        `warning: the Redis at ${place.at} is gone. Workers go on with what they have, and it is tried again.`,
      )
    gone = true
  })
  redis.on('ready', () => {
    if (gone) screen.say(`The Redis at ${place.at} is back.`)
    gone = false
  })
  return {
    place,
    asking,
    close: async () => {
      clearInterval(timer)
      gone = true
      await inTime(asking.close())
      await place.leave()
    },
  }
}

/** Says who does the runs, whenever that changes; or why nobody does. */
function workersNoted({ redis, prefix, self, at }: QueuePlace, screen: Screen): () => Promise<void> {
  let told = ''
  return async () => {
    const workers = await workersAt(redis, prefix)
    const others = workers.flatMap((worker) => {
      const why = mismatch(self, worker)
      return why === undefined ? [] : [`The worker on ${worker.host} does none of them: ${why}.`]
    })
    const fitting = workers.length - others.length
    const none = `warning: no worker does these runs yet. Start one on each machine: holdfast worker redis://${at} --store ${self.store}`
    const line = [fitting === 0 ? none : `Workers: ${fitting}`, ...new Set(others)].join('\n')
    if (line === told) return
    told = line
    for (const each of line.split('\n')) (fitting === 0 || others.length > 0 ? screen.warn : screen.say)(each)
  }
}
