import type { Job } from 'bullmq'
import { HoldfastError, UsageError } from '../../errors.ts'
import { points } from '../../measure/points.ts'
import { parsePlan } from '../../train/plan/index.ts'
import { roundSpecSchema } from '../rounds/index.ts'
import { updateJobSchema } from '../updates/index.ts'
import type { EndOf, Job as Task } from '../workers/index-files.ts'
import { exchangeFolder, failureIn, failureText, type QueueJob, type Refused } from './jobs.ts'

/** How a job of a queue is done, and what is left of it. */
export interface Work {
  /** What a process is asked for. */
  readonly task: Task
  /** What the queue keeps of its end, and what is said of it; undefined where it was stopped. */
  readonly ended: (end: EndOf<Task>) => { readonly value: unknown; readonly said: string } | undefined
  /** Whether an error that would happen again is left for the parent, and not thrown. Default not. */
  readonly tellsParent?: boolean | undefined
}

/**
 * What a job asks for. Whoever can write to the Redis can put anything into the queue, so it is checked.
 *
 * @throws UsageError `queue-job`, `config`; HoldfastError with what a child of the job failed by.
 */
export async function workOf(job: Job<QueueJob>, store: string): Promise<Work> {
  const { name, data, id: identity } = job
  if (data.kind === 'run') {
    const plan = parsePlan(data.plan, `The plan of ${name} in the queue`)
    const engine = { threads: plan.threads, device: plan.device }
    return {
      task: { kind: 'run', plan, store, engine, identity },
      ended: (end) => {
        if (!('result' in end)) return undefined
        const kept = end.kept ? ', kept' : ''
        return { value: end.result, said: `${points(end.result.averageAccuracy)} %${kept}` }
      },
    }
  }
  if (data.kind === 'round') {
    const plan = parsePlan(data.plan, `The plan of ${name} in the queue`)
    const engine = { threads: plan.threads, device: plan.device }
    const spec = specOf(data.spec, name)
    const folder = exchangeFolder(store, spec)
    return {
      task: { kind: 'round', plan, engine, folder, spec, replica: Number(data.replica) },
      ended: () => ({ value: null, said: 'delivered' }),
      tellsParent: true,
    }
  }
  if (data.kind === 'mean') {
    await throwRefusal(job)
    const spec = specOf(data.spec, name)
    return {
      task: { kind: 'mean', folder: exchangeFolder(store, spec), spec },
      ended: () => ({ value: null, said: 'taken' }),
    }
  }
  if (data.kind === 'update') {
    const found = updateJobSchema.safeParse(data)
    if (!found.success) {
      throw new UsageError('queue-job', `${name} in the queue is no update: ${found.error.message}`)
    }
    return {
      task: { kind: 'update', store, identity: String(identity), update: found.data },
      ended: (end) => ('answer' in end ? { value: null, said: updateWords[end.answer.exitCode] } : undefined),
    }
  }
  throw new UsageError('queue-job', `${name} in the queue is no job that Holdfast knows.`)
}

/** What an update's exit code says. */
const updateWords = {
  0: 'done, the budget is kept',
  1: 'failed',
  2: 'done, the budget is not kept',
  3: 'done, too few rows to tell',
} as const

function specOf(value: unknown, name: string) {
  const found = roundSpecSchema.safeParse(value)
  if (found.success) return found.data
  throw new UsageError('queue-job', `${name} in the queue is no round: ${found.error.message}`)
}

/** What a child would fail by anywhere ends its parent. */
async function throwRefusal(job: Job): Promise<void> {
  const values = Object.values(await job.getChildrenValues<Refused | null>())
  const refused = values.find((value) => value !== null)
  if (!refused) return
  const { code, message } = failureIn(refused.refused)
  throw new HoldfastError(code, message)
}

/** A child's error that would happen again anywhere, for its parent. */
export const refusal = (error: HoldfastError): Refused => ({
  refused: failureText(error.code, error.message),
})
