import { defaultConfidence } from '../measure/confidence.ts'
import { adviceFor, type MorePoint, morePoint } from './advice.ts'
import type { Budget, ClaimResult, Status } from './path/index.ts'
import type { TrialResult, UpdateResult } from './update-types.ts'
import { warningsOf } from './warnings.ts'

/** An update's result as `holdfast update --json` prints it. Accuracies, drops and budgets are fractions. */
export interface UpdateSummary {
  readonly schema: 'holdfast.update/2'
  /**
   * `met`: the drop is shown to be inside the budget, on old rows that had no part in training or in the order of the test;
   * `not-met`: it is shown to be outside; `inconclusive`: there are too few of them to tell, or none; `nothing-to-gain`: no better model was found than the old one, and it
   * stays.
   */
  readonly status: Status
  /** Whether what is written is shown to keep the budget; of the old model that is sure. */
  readonly met: boolean
  /** Whether more new rows are right than before, of those that had no part in training. */
  readonly learned: boolean
  readonly budget: number
  readonly confidence: number
  /**
   * `trial` counts from 0 in `trials`; `alpha` is 0 at the old weights and 1 where training ended; `new` is the accuracy on the
   * new rows that candidates were compared on, `tested` how many were tested. Null where the old model stays.
   */
  readonly chosen: UpdateResult['chosen']
  /** New accuracy that training reached and the budget did not let through, on the same rows as `chosen.new`; null where that is little. */
  readonly heldBack: UpdateResult['heldBack']
  /** The first candidate that was seen inside the budget and not shown to be; null where there is none. */
  readonly unshown: UpdateResult['unshown']
  /** What one more point of budget would probably buy; null where the budget is not kept. */
  readonly morePoint: MorePoint | null
  /** Where the ladder ended for want of time; null where time was no matter. */
  readonly stopped: UpdateResult['stopped']
  /** What random features before the head gain and cost; null where none were asked for. */
  readonly expansion: UpdateResult['expansion']
  readonly old: {
    readonly before: number
    readonly after: number
    readonly drop: number
    /** One-sided bounds of the drop. */
    readonly lower: number
    readonly upper: number
    readonly n: number
    /** How many of them are activations in the pack, and not inputs. */
    readonly activations: number
    /** Each drop that has a bound: as deployed, by class, and from the first release; `maxDrop` is null where it is only told. */
    readonly claims: readonly Omit<ClaimResult, 'flips'>[]
    readonly weighted: boolean
    readonly first: string | null
    readonly uses: NonNullable<UpdateResult['old']>['uses']
  } | null
  readonly new: UpdateResult['new']
  readonly trials: readonly TrialResult[]
  /** The check on untouched old rows; null without any. */
  readonly verified: {
    readonly passes: boolean
    readonly n: number
    readonly negativeFlips: number
    readonly positiveFlips: number
    readonly negativeFlipRate: number
    /** Old rows that would bring a verdict, either way, in 80 % of cases, if flips go on as seen; null where no number would. */
    readonly neededN: number | null
  } | null
  /** What makes the verdict doubtful: nothing learned, a gain that may be chance, an old model that did no better than chance. */
  readonly warnings: readonly string[]
  /** What would help, by what limits: the proof, rows of a class, the budget, time. */
  readonly help: readonly string[]
  readonly seconds: { readonly total: number; readonly train: number; readonly search: number }
}

/**
 * What an update came to, without the weights.
 *
 * @param seconds In all; default what training and search took.
 * @example console.log(JSON.stringify(summarise(result, budget)))
 */
export function summarise(result: UpdateResult, budget: Budget, seconds?: number): UpdateSummary {
  const { status, learned, chosen, old, heldBack, unshown, stopped, expansion, trials } = result
  const { maxDrop, confidence = defaultConfidence } = budget
  // The old model itself loses nothing, however few the rows.
  const kept = status === 'nothing-to-gain' || status === 'met'
  return {
    schema: 'holdfast.update/2',
    status,
    met: kept,
    learned,
    budget: maxDrop,
    confidence,
    chosen,
    heldBack,
    unshown,
    morePoint: morePoint(result, budget),
    stopped,
    expansion,
    old: old && {
      before: old.before,
      after: old.after,
      drop: old.drop,
      lower: old.lower,
      upper: old.upper,
      n: old.n,
      activations: old.activations,
      claims: old.claims.map(({ flips: _flips, ...claim }) => claim),
      weighted: old.weighted,
      first: old.first,
      uses: old.uses,
    },
    new: result.new,
    trials,
    verified: old && {
      passes: kept,
      n: old.n,
      negativeFlips: old.negativeFlips,
      positiveFlips: old.positiveFlips,
      negativeFlipRate: old.negativeFlips / old.n,
      neededN: old.neededN,
    },
    warnings: warningsOf(result),
    help: adviceFor(result, budget),
    seconds: {
      total: seconds ?? result.seconds.train + result.seconds.search,
      ...result.seconds,
    },
  }
}
