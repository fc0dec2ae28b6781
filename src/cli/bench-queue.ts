import type { Engine } from '../engine/engine.ts'
import type { RunOne } from '../study/grid/index.ts'
import { askQueue, mismatch, peersAt } from '../study/queue/index-files.ts'
import { runName } from '../train/folders/index-files.ts'
import { inTime, openQueuePlace, type QueuePlace } from './queue-place.ts'
import type { Screen } from './screen.ts'

/** How a benchmark asks for its runs. */
export interface QueueSettings {
  readonly queue?: string | undefined
  readonly queuePrefix: string
  readonly priority?: number | undefined
}

/** Of runs for which none is asked. */
export const usualPriority = 100

/** Runs that workers of a queue do. */
export interface QueueRunner {
  readonly run: RunOne
  close(): Promise<void>
}

const MILLISECONDS_BETWEEN_LOOKS = 10_000

/** Goes to a queue, and says now and then whether somebody there does what is asked. */
export async function openQueue(
  { queue: url, queuePrefix: prefix, priority = usualPriority }: QueueSettings & { readonly queue: string },
  {
    store,
    dataSha256,
    engine,
  }: { readonly store: string; readonly dataSha256: string; readonly engine: Engine },
  screen: Screen,
): Promise<QueueRunner> {
  const place = await openQueuePlace('client', { url, prefix, store, engine })
  const { redis, packages, queue } = place
  const asked = await askQueue({
    ...{ redis, packages, prefix, queue, priority },
    name: (plan) => runName(plan, dataSha256, engine),
  })
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
    run: asked.run,
    close: async () => {
      clearInterval(timer)
      gone = true
      await inTime(asked.close())
      await place.leave()
    },
  }
}

/** Says who does the runs, whenever that changes; or why nobody does. */
function workersNoted({ redis, prefix, self, at }: QueuePlace, screen: Screen): () => Promise<void> {
  let told = ''
  return async () => {
    const workers = (await peersAt(redis, prefix)).filter(({ role }) => role === 'worker')
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
