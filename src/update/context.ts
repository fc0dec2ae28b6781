import type { Judge } from '../evaluate/judge.ts'
import type { Baseline } from './baseline.ts'
import type { Parts } from './parts.ts'
import type { Aim, Claim } from './path/index.ts'
import type { Activated } from './prover.ts'
import type { Rung, Trunk } from './recipes/index.ts'
import type { Known, UpdateOptions } from './update-types.ts'
import type { Views } from './views.ts'

/** All that the rungs of one update share. */
export interface Context {
  readonly options: UpdateOptions
  /** The method's name. */
  readonly method: string
  /** Answers of the whole model with any weights. */
  readonly judge: Judge
  /** Answers for old rows that prove as activations, with all that lies above these; undefined where there are none. */
  readonly above: Activated | undefined
  readonly parts: Parts
  readonly baseline: Baseline
  /** What the budget is held on, and what is only told, on the rows that prove. */
  readonly claims: readonly Claim[]
  readonly before: Known
  readonly aim: Aim
  readonly oldClasses: number
  readonly shift: boolean
  /** From the cheapest to the dearest. */
  readonly rungs: readonly Rung[]
  readonly trunk: Trunk
  readonly views: Views
  /** How long one row took to be judged. */
  readonly secondsPerRow: number
  /** Seconds that all this took. */
  readonly preparation: number
}
