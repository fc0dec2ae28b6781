import type { EngineOptions } from '../../engine/engine.ts'
import type { RunEnd, RunEvent } from '../../train/folders/index.ts'
import type { RunPlan } from '../../train/plan/index.ts'
import type { RoundSpec } from '../rounds/index.ts'
import type { UpdateAnswer, UpdateJob } from '../updates/index.ts'

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

/** A command line with places of this machine, or of a store; what runs it is given to whoever serves. */
export interface UpdateTask {
  readonly kind: 'update'
  readonly store: string
  readonly identity: string
  readonly update: UpdateJob
}

/** What a worker is asked to do. */
export type Job = RunTask | RoundTask | MeanTask | UpdateTask

interface Ends {
  readonly run: RunEnd
  readonly round: { readonly status: 'finished' }
  readonly mean: { readonly status: 'finished' }
  readonly update:
    | { readonly status: 'finished'; readonly answer: UpdateAnswer }
    | { readonly status: 'interrupted' }
}

/** A line that a command says. */
export interface Said {
  readonly type: 'said'
  readonly line: string
}

interface Events {
  readonly run: RunEvent
  readonly round: never
  readonly mean: never
  readonly update: Said
}

/** What becomes of a job. */
export type EndOf<Of extends Job> = Ends[Of['kind']]

/** What a job says while it is done. */
export type EventOf<Of extends Job> = Events[Of['kind']]
export type JobEvent = EventOf<Job>

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
