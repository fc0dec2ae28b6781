import type { EngineOptions } from '../../engine/engine.ts'
import type { RunEnd, RunEvent } from '../../train/folders/index.ts'
import type { RunPlan } from '../../train/plan/index.ts'

/** What a worker is asked to run. */
export interface Job {
  readonly plan: RunPlan
  /** The folder of the run folders. Undefined: in memory. */
  readonly store: string | undefined
  readonly engine: EngineOptions
  /** What the run has to be by its content, where that is known; see `runIdentity`. */
  readonly identity?: string | undefined
}

export type Message =
  | { readonly type: 'event'; readonly event: RunEvent }
  | { readonly type: 'done'; readonly outcome: RunEnd }
  | Failed

export interface Failed {
  readonly type: 'failed'
  readonly code: string | undefined
  /** The error's class: `TrainingError`. */
  readonly kind: string
  readonly message: string
  readonly stack: string
}
