import { setMaxListeners } from 'node:events'
import type { Job, Worker } from 'bullmq'
import type { Redis } from 'ioredis'
import { HoldfastError } from '../../errors.ts'
import { followed } from '../followed.ts'
import type { EndOf, JobEvent, Job as Task, Workers } from '../workers/index-files.ts'
import { refusal, type Work, workOf } from './do-job-files.ts'
import { failureText, MOST_LOST_WORKERS, type QueueJob } from './jobs.ts'
import type { QueuePackages } from './packages-node.ts'
import { latestAtATime } from './progress-node.ts'

/** What a worker says while it works. `name` is that of the job. */
export type ServeEvent =
  | { readonly type: 'begun'; readonly kind: QueueJob['kind']; readonly name: string }
  | {
      readonly type: 'finished'
      readonly kind: QueueJob['kind']
      readonly name: string
      /** What it came to, in words. */
      readonly said: string
    }
  | { readonly type: 'given-back'; readonly name: string }
  | { readonly type: 'failed'; readonly name: string; readonly message: string; readonly again: boolean }
  | { readonly type: 'disconnected' }
  | { readonly type: 'connected' }

export interface ServeOptions {
  readonly redis: Redis
  readonly packages: QueuePackages
  readonly prefix: string
  readonly queue: string
  /** This machine's folder of the store. */
  readonly store: string
  /** Runs at a time. */
  readonly jobs: number
  /** Processes, as a run must not keep this one from renewing its locks. */
  readonly workers: Workers
  readonly say: (event: ServeEvent) => void
  /** Seconds after which a job whose worker gives no sign is given to another. */
  readonly lease: number
}

/** Somebody at work. */
export interface Serving {
  /** How many runs are at hand. */
  readonly atHand: () => number
  /** Lets the runs at hand stop after their step, however long that takes. */
  stop(): Promise<void>
  /** Gives back what was stopped, and takes no more. It waits for the Redis. */
  close(): Promise<void>
}

/**
 * Takes runs from a queue and does them in the store, each in a process of its own: ONNX Runtime holds the event loop, and a job whose
 * lock is not renewed in time is given to another worker. What a worker loses with its life is therefore given to another, which
 * goes on from the checkpoint.
 */
export async function serveQueue(options: ServeOptions): Promise<Serving> {
  const { redis, packages, prefix, queue, jobs, say, lease, workers } = options
  const { Worker: Taker } = packages.bullmq
  const controller = new AbortController()
  // All runs at hand wait for it, however many.
  setMaxListeners(0, controller.signal)
  const state = { atHand: 0 }
  const computing = new Set<Promise<unknown>>()
  const compute: Compute = async (task, tell) => {
    const end = followed(workers.work(task, controller.signal), tell)
    computing.add(end)
    return end.finally(() => computing.delete(end))
  }
  const worker: Worker<QueueJob> = new Taker<QueueJob>(
    queue,
    async (job, token) => {
      state.atHand++
      try {
        return await doJob(job, token, options, compute)
      } finally {
        state.atHand--
      }
    },
    {
      ...{ connection: redis, prefix, concurrency: jobs, maxStalledCount: MOST_LOST_WORKERS },
      ...{ lockDuration: lease * 1000, stalledInterval: lease * 1000 },
    },
  )
  let connected = true
  // Also said of a lock that could not be renewed: another worker has the run, and waits for the one that is at it here.
  worker.on('error', () => undefined)
  redis.on('close', () => {
    if (connected && !controller.signal.aborted) say({ type: 'disconnected' })
    connected = false
  })
  redis.on('ready', () => {
    if (!connected) say({ type: 'connected' })
    connected = true
  })
  await worker.waitUntilReady()
  return {
    atHand: () => state.atHand,
    stop: async () => {
      controller.abort()
      await Promise.allSettled(computing)
    },
    close: async () => {
      controller.abort()
      await worker.close()
    },
  }
}

/** Does a task in a process of its own, until it is told to stop. */
type Compute = (task: Task, tell: (event: JobEvent) => void) => Promise<EndOf<Task>>

async function doJob(
  job: Job<QueueJob>,
  token: string | undefined,
  { packages, store, say }: ServeOptions,
  compute: Compute,
): Promise<unknown> {
  const { name, data } = job
  const { UnrecoverableError, WaitingError } = packages.bullmq
  const { kind } = data
  say({ type: 'begun', kind, name })
  const tell = latestAtATime((event: JobEvent) => job.updateProgress(event))
  let work: Work | undefined
  try {
    work = await workOf(job, store)
    const end = work.ended(await compute(work.task, tell))
    if (end) {
      say({ type: 'finished', kind, name, said: end.said })
      return end.value
    }
  } catch (error) {
    const known = error instanceof HoldfastError ? error : new HoldfastError('unexpected', String(error))
    const mayPass = error instanceof Error && mayPassElsewhere(kind, error.name, known.code)
    say({ type: 'failed', name, message: known.message, again: mayPass && !isLast(job) })
    const text = failureText(known.code, known.message)
    if (mayPass) throw new Error(text)
    if (work?.tellsParent) return refusal(known)
    throw new UnrecoverableError(text)
  }
  // Stopped: whoever is next goes on from the checkpoint, at once.
  await job.moveToWait(token)
  say({ type: 'given-back', name })
  throw new WaitingError()
}

/**
 * Whether an error may pass on another machine, or on this one later; all else would happen again. An update begins only where its inputs
 * have the content with which it was asked for, so what is wrong with them is wrong anywhere.
 */
function mayPassElsewhere(kind: QueueJob['kind'], name: string, code: string): boolean {
  if (kind === 'update') return name === 'EnvironmentError' || code === 'data-other'
  return ofThisMachine.has(name)
}

/** Of runs, whose data each machine has for itself. */
const ofThisMachine: ReadonlySet<string> = new Set(['EnvironmentError', 'DataError', 'CheckpointError'])

const isLast = ({ attemptsMade, opts }: Job): boolean => attemptsMade + 1 >= (opts.attempts ?? 1)
