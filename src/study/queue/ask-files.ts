import type { Job, JobState, Queue, QueueEvents } from 'bullmq'
import type { Redis } from 'ioredis'
import { HoldfastError } from '../../errors.ts'
import type { RunResult } from '../../measure/results.ts'
import type { RunEvent } from '../../train/folders/index.ts'
import type { RunName } from '../../train/folders/index-files.ts'
import type { RunPlan } from '../../train/plan/index.ts'
import type { RunOne } from '../grid/index.ts'
import { type Inbox, openInbox } from '../inbox.ts'
import { failureIn, type RunJob } from './jobs.ts'
import type { QueuePackages } from './packages-node.ts'

/** What is heard of a run. */
type Heard =
  | { readonly type: 'event'; readonly event: RunEvent }
  | { readonly type: 'finished'; readonly result: RunResult }
  | { readonly type: 'failed'; readonly reason: string }

export interface AskOptions {
  readonly redis: Redis
  readonly packages: QueuePackages
  readonly prefix: string
  readonly queue: string
  /** Of a plan. */
  readonly name: (plan: RunPlan) => RunName
  /** Smaller is earlier; from 1. */
  readonly priority: number
  /** Seconds between looks at jobs of which nothing was heard. Default 10. */
  readonly look?: number | undefined
}

export interface Asked {
  /** Puts a run into the queue, or attaches to it where it is there, and waits for it. Stopped, it leaves the run where it is. */
  readonly run: RunOne
  close(): Promise<void>
}

const ATTEMPTS = 4
const FIRST_PAUSE_MILLISECONDS = 5000
const MOST_KEPT = 1000
const DAY_SECONDS = 86_400

/** Asks the workers of a queue for runs. What becomes of them is heard, and looked up where nothing was. */
export async function askQueue(options: AskOptions): Promise<Asked> {
  const { redis, packages, prefix, queue: name, look = 10 } = options
  const { Queue: Asking, QueueEvents: Hearing } = packages.bullmq
  const queue: Queue<RunJob, RunResult> = new Asking(name, { connection: redis, prefix })
  const ears = redis.duplicate()
  const events: QueueEvents = new Hearing(name, { connection: ears, prefix })
  // A connection that breaks is made again, and what was said meanwhile is looked up.
  queue.on('error', () => undefined)
  events.on('error', () => undefined)
  ears.on('error', () => undefined)
  await events.waitUntilReady()
  const waiting = new Map<
    string,
    { readonly inbox: Inbox<Heard, undefined>; readonly job: () => Promise<void> }
  >()
  const hear = (id: string, heard: Heard) => waiting.get(id)?.inbox.put(heard)
  events.on('progress', ({ jobId, data }) =>
    hear(jobId, { type: 'event', event: data as unknown as RunEvent }),
  )
  events.on('completed', ({ jobId, returnvalue }) =>
    hear(jobId, { type: 'finished', result: returnvalue as unknown as RunResult }),
  )
  // Whether it is tried again is seen by looking.
  events.on('failed', ({ jobId }) => void lookAt(jobId).catch(() => undefined))
  const lookAt = async (id: string): Promise<void> => {
    const found = await jobAt(queue, id)
    if (!found) return waiting.get(id)?.job()
    if (found.state === 'completed') hear(id, { type: 'finished', result: found.job.returnvalue })
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
    run: async function* (plan, _prepare, signal) {
      const { name: word, identity } = options.name(plan)
      const inbox = openInbox<Heard>(signal)
      const add = async () => {
        await queue.add(word, { plan }, settingsOf(identity, options.priority))
      }
      waiting.set(identity, { inbox, job: add })
      try {
        await begin(queue, identity, add)
        for (;;) {
          const heard = await inbox.take()
          if (!heard) return { status: 'interrupted' }
          if (heard.type === 'finished') return { status: 'finished', result: heard.result }
          if (heard.type === 'failed') throw errorOf(heard.reason)
          yield heard.event
        }
      } finally {
        waiting.delete(identity)
      }
    },
    close: async () => {
      clearInterval(timer)
      await Promise.allSettled([events.close(), queue.close()])
      ears.disconnect()
    },
  }
}

const settingsOf = (identity: string, priority: number) => ({
  ...{ jobId: identity, priority, attempts: ATTEMPTS },
  backoff: { type: 'exponential', delay: FIRST_PAUSE_MILLISECONDS },
  // What is finished is in the store; the queue keeps it for whoever asks soon.
  removeOnComplete: { count: MOST_KEPT, age: DAY_SECONDS },
  removeOnFail: { count: MOST_KEPT, age: DAY_SECONDS },
})

/**
 * A run that waits or is at hand is left as it is. One that is finished by the queue's word, while the store does not have it, was
 * removed there, and one that failed is asked for again: both begin anew.
 */
async function begin(queue: Queue<RunJob, RunResult>, id: string, add: () => Promise<void>): Promise<void> {
  const found = await jobAt(queue, id)
  if (found?.state === 'completed' || found?.state === 'failed') await found.job.remove()
  else if (found) return
  await add()
}

async function jobAt(
  queue: Queue<RunJob, RunResult>,
  id: string,
): Promise<{ readonly job: Job<RunJob, RunResult>; readonly state: JobState } | undefined> {
  const job = await queue.getJob(id)
  const state = await job?.getState()
  return job && state !== undefined && state !== 'unknown' ? { job, state } : undefined
}

function errorOf(reason: string): HoldfastError {
  const { code, message } = failureIn(reason)
  return new HoldfastError(code, message)
}
