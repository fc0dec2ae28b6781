import type { EngineOptions } from '../../engine/engine.ts'
import type { RunEnd, RunEvent } from '../../train/folders/index.ts'
import type { RunPlan } from '../../train/plan/index.ts'
import type { RoundSpec } from '../rounds/index.ts'

/** A run, whole. */
export interface RunTask {
  readonly kind: 'run'
  readonly plan: RunPlan
  /** The folder of the run folders. Undefined: in memory. */
  readonly store: string | undefined
  readonly engine: EngineOptions
  /** What the run has to be by its content, where that is known; see `runIdentity`. */
  readonly identity?: string | undefined
}

/** One replica's steps of a round, for others to average. */
export interface RoundTask {
  readonly kind: 'round'
  readonly plan: RunPlan
  readonly engine: EngineOptions
  /** Where rounds are exchanged. */
  readonly folder: string
  readonly spec: RoundSpec
  readonly replica: number
}

/** The end of a round: the mean of what was delivered. */
export interface MeanTask {
  readonly kind: 'mean'
  readonly folder: string
  readonly spec: RoundSpec
}

/** What a worker is asked to do. */
export type Job = RunTask | RoundTask | MeanTask

interface Ends {
  readonly run: RunEnd
  readonly round: { readonly status: 'finished' }
  readonly mean: { readonly status: 'finished' }
}

/** What becomes of a job. */
export type EndOf<Of extends Job> = Ends[Of['kind']]

/** What a job says while it is done. */
export type JobEvent = RunEvent

export type Message =
  | { readonly type: 'event'; readonly event: JobEvent }
  | { readonly type: 'done'; readonly outcome: EndOf<Job> }
  | Failed

export interface Failed {
  readonly type: 'failed'
  readonly code: string | undefined
  /** The error's class: `TrainingError`. */
  readonly kind: string
  readonly message: string
  readonly stack: string
}
