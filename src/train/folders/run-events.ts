import type { RunResult } from '../../measure/results.ts'
import type { LearnEvent } from '../run/index.ts'

/** What a run says while it goes: also that another process does it, in words. */
export type RunEvent = LearnEvent | { readonly type: 'elsewhere'; readonly message: string }

export type RunEnd =
  | {
      readonly status: 'finished'
      readonly result: RunResult
      /** Whether it was finished before, and is taken from a store. Default not. */
      readonly kept?: boolean | undefined
    }
  | { readonly status: 'interrupted' }
