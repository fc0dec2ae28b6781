import type { Judge } from '../evaluate/judge.ts'
import type { OpenReader } from '../evaluate/reader.ts'
import type { MethodState, TaskContext } from '../methods/method.ts'
import type { Baseline } from './baseline.ts'
import type { Parts } from './parts.ts'
import type { Claim } from './path/index.ts'
import type { Protection } from './recipes/index.ts'
import type { Known, TrialSettings, UpdateOptions } from './update-types.ts'

/** All that the trials of one update share. */
export interface Context {
  readonly options: UpdateOptions
  /** The method's name. */
  readonly method: string
  /** What it remembers of the old model. */
  readonly past: MethodState
  readonly task: TaskContext
  /** The old model's answers, for the method. */
  readonly reader: OpenReader
  readonly judge: Judge
  readonly parts: Parts
  readonly baseline: Baseline
  /** What the budget is held on: on the rows that choose, and on those that check. */
  readonly claims: { readonly choose: readonly Claim[] | undefined; readonly check: readonly Claim[] }
  readonly before: Known
  readonly settings: Omit<TrialSettings, keyof Protection>
  readonly oldClasses: number
  readonly shift: boolean
  /** In the order of the trials. */
  readonly protections: readonly Protection[]
  /** How long one row took to be judged. */
  readonly secondsPerRow: number
  /** Seconds that all this took. */
  readonly preparation: number
}
