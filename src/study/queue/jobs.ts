import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { RunPlan } from '../../train/plan/index.ts'
import type { RoundSpec } from '../rounds/index.ts'
import type { UpdateJob } from '../updates/index.ts'

/** A run as a queue carries it. The job's id is the run's identity, and its name the run's. */
export interface RunJob {
  readonly kind: 'run'
  readonly plan: RunPlan
}

/** One replica's steps of a round: a child of the job that takes the mean. */
export interface RoundJob {
  readonly kind: 'round'
  readonly plan: RunPlan
  readonly spec: RoundSpec
  readonly replica: number
}

/** The mean of a round, taken when all its children are done or given up. The job's id is the round's key. */
export interface MeanJob {
  readonly kind: 'mean'
  readonly spec: RoundSpec
}

/** What a queue carries. */
export type QueueJob = RunJob | RoundJob | MeanJob | UpdateJob

/**
 * What a child leaves in place of an error that would happen again anywhere, as training that diverges: its parent then ends with it,
 * and does not go on without this child.
 */
export interface Refused {
  readonly refused: string
}

/** Where the rounds of a run are exchanged, in the store. */
export const exchangeFolder = (store: string, { identity }: Pick<RoundSpec, 'identity'>): string =>
  join(store, EXCHANGE, identity.slice(0, 16))

/** The folder in a store where those that train together meet. */
export const EXCHANGE = 'exchange'

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
