import type { Job, JobState, JobsOptions, Queue, QueueEvents } from 'bullmq'
import type { Redis } from 'ioredis'
import { HoldfastError } from '../../errors.ts'
import { type Inbox, openInbox } from '../inbox.ts'
import { failureIn, type QueueJob } from './jobs.ts'
import type { QueuePackages } from './packages-node.ts'

/** What is heard of a job. */
type Heard =
  | { readonly type: 'event'; readonly event: unknown }
  | { readonly type: 'finished'; readonly value: unknown }
  | { readonly type: 'failed'; readonly reason: string }

export interface AskingOptions {
  readonly redis: Redis
  readonly packages: QueuePackages
  readonly prefix: string
  readonly queue: string
  /** Of all that is asked for: smaller is earlier; from 1. */
  readonly priority: number
  /** Seconds between looks at jobs of which nothing was heard. Default 10. */
  readonly look?: number | undefined
}

/** What the queue keeps of a job's end; undefined where nobody waited for it. */
export type Followed = { readonly value: unknown } | undefined

/** Somebody who asks for jobs and hears of them. */
export interface Asking {
  readonly queue: Queue<QueueJob>
  /** How a job of this id is put into the queue. */
  readonly settings: (id: string) => JobsOptions
  /**
   * Puts a job into the queue, or attaches to it where it is there, and waits for it, giving on what it says. Stopped, it leaves the job
   * where it is and gives undefined.
   *
   * @throws HoldfastError with the code and message of the job's failure
   */
  follow(
    id: string,
    add: () => Promise<unknown>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<unknown, Followed>
  close(): Promise<void>
}

const ATTEMPTS = 4
const FIRST_PAUSE_MILLISECONDS = 5000
const MOST_KEPT = 1000
const DAY_SECONDS = 86_400

/** Asks the workers of a queue. What becomes of jobs is heard, and looked up where nothing was. */
export async function openAsking(options: AskingOptions): Promise<Asking> {
  const { redis, packages, prefix, queue: name, priority, look = 10 } = options
  const { Queue: Waiting, QueueEvents: Hearing } = packages.bullmq
  const queue: Queue<QueueJob> = new Waiting(name, { connection: redis, prefix })
  const ears = redis.duplicate()
  const events: QueueEvents = new Hearing(name, { connection: ears, prefix })
  // A connection that breaks is made again, and what was said meanwhile is looked up.
  queue.on('error', () => undefined)
  events.on('error', () => undefined)
  ears.on('error', () => undefined)
  await events.waitUntilReady()
  const waiting = new Map<
    string,
    { readonly inbox: Inbox<Heard, undefined>; readonly add: () => Promise<unknown> }
  >()
  const hear = (id: string, heard: Heard) => waiting.get(id)?.inbox.put(heard)
  events.on('progress', ({ jobId, data }) => hear(jobId, { type: 'event', event: data }))
  events.on('completed', ({ jobId, returnvalue }) => hear(jobId, { type: 'finished', value: returnvalue }))
  // Whether it is tried again is seen by looking.
  events.on('failed', ({ jobId }) => void lookAt(jobId).catch(() => undefined))
  const lookAt = async (id: string): Promise<void> => {
    const found = await jobAt(queue, id)
    if (!found) await waiting.get(id)?.add()
    else if (found.state === 'completed') hear(id, { type: 'finished', value: found.job.returnvalue })
    else if (found.state === 'failed') hear(id, { type: 'failed', reason: found.job.failedReason })
  }
  let looking = false
  const timer = setInterval(() => {
    if (looking) return
    looking = true
    void Promise.all([...waiting.keys()].map(lookAt))
      .catch(() => undefined)
      .finally(() => {
        looking = false
      })
  }, look * 1000)
  return {
    queue,
    settings: (id) => ({
      ...{ jobId: id, priority, attempts: ATTEMPTS },
      backoff: { type: 'exponential', delay: FIRST_PAUSE_MILLISECONDS },
      // What is finished is in the store; the queue keeps it for whoever asks soon.
      removeOnComplete: { count: MOST_KEPT, age: DAY_SECONDS },
      removeOnFail: { count: MOST_KEPT, age: DAY_SECONDS },
    }),
    follow: async function* (id, add, signal) {
      const inbox = openInbox<Heard>(signal)
      waiting.set(id, { inbox, add })
      try {
        await begin(queue, id, add)
        for (;;) {
          const heard = await inbox.take()
          if (!heard) return undefined
          if (heard.type === 'finished') return { value: heard.value }
          if (heard.type === 'failed') throw errorOf(heard.reason)
          yield heard.event
        }
      } finally {
        waiting.delete(id)
      }
    },
    close: async () => {
      clearInterval(timer)
      await Promise.allSettled([events.close(), queue.close()])
      ears.disconnect()
    },
  }
}

/**
 * A job that waits or is at hand is left as it is. One that is finished by the queue's word, while the store does not have it, was
 * removed there, and one that failed is asked for again: both begin anew.
 */
async function begin(queue: Queue<QueueJob>, id: string, add: () => Promise<unknown>): Promise<void> {
  const found = await jobAt(queue, id)
  if (found?.state === 'completed' || found?.state === 'failed') await found.job.remove()
  else if (found) return
  await add()
}

async function jobAt(
  queue: Queue<QueueJob>,
  id: string,
): Promise<{ readonly job: Job<QueueJob>; readonly state: JobState } | undefined> {
  const job = await queue.getJob(id)
  const state = await job?.getState()
  return job && state !== undefined && state !== 'unknown' ? { job, state } : undefined
}

function errorOf(reason: string): HoldfastError {
  const { code, message } = failureIn(reason)
  return new HoldfastError(code, message)
}
