import { createHash } from 'node:crypto'
import type { RunPlan } from '../../train/plan/index.ts'

/** A run as a queue carries it. The job's id is the run's identity, and its name the run's. */
export interface RunJob {
  readonly plan: RunPlan
}

/** Why a run failed, as one text: what queues keep of an error. */
export const failureText = (code: string, message: string): string => `[${code}] ${message}`

/** The same apart again; also what the queue itself says of a run. */
export function failureIn(text: string): { readonly code: string; readonly message: string } {
  const [, code, message] = /^\[([\w-]+)\] ([\s\S]*)$/.exec(text) ?? []
  if (code !== undefined && message !== undefined) return { code, message }
  if (!/stalled more than allowable/.test(text)) return { code: 'worker-failed', message: text }
  return {
    code: 'worker-lost',
    message: `${MOST_LOST_WORKERS} workers ended while they did this run, without a word. Where it is the run that ends them, as for want of memory, fewer runs at a time (--jobs of holdfast worker) need less; asked for again, it goes on from its checkpoint.`,
  }
}

/** A machine that goes down with each run that it is given ends its workers as often as that; then the run is at fault. */
export const MOST_LOST_WORKERS = 25

/**
 * The queue of runs that are kept in one store and computed by the same versions. Workers of other versions, or with another folder,
 * listen to other queues: they can take no run that they would do otherwise, or put where nobody finds it.
 *
 * @param computedBy the versions that belong to a run's identity
 */
export const queueName = (storeId: string, computedBy: string): string =>
  `runs-${createHash('sha256').update(`${storeId}\n${computedBy}`).digest('hex').slice(0, 16)}`
