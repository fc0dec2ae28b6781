import type { EngineOptions } from '../../engine/engine.ts'
import type { RunResult } from '../../measure/results.ts'
import type { RunPlan } from '../../train/plan/index.ts'
import type { LearnEvent } from '../../train/run/index.ts'

/** What a worker is asked to run. */
export interface Job {
  readonly plan: RunPlan
  /** Undefined: in memory. */
  readonly folder: string | undefined
  readonly engine: EngineOptions
}

export type Outcome =
  | { readonly status: 'finished'; readonly result: RunResult }
  | { readonly status: 'interrupted' }

export type Message =
  | { readonly type: 'event'; readonly event: LearnEvent }
  | { readonly type: 'done'; readonly outcome: Outcome }
  | Failed

export interface Failed {
  readonly type: 'failed'
  readonly code: string | undefined
  readonly message: string
  readonly stack: string
}
