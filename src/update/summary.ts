import { defaultConfidence } from '../measure/confidence.ts'
import type { Budget, ClaimResult, HeldBack, Status } from './path/index.ts'
import type { TrialResult, UpdateResult } from './update-types.ts'
import { warningsOf } from './warnings.ts'

const percent = (fraction: number): string => (100 * fraction).toFixed(1)

/** An update's result as `holdfast update --json` prints it. Accuracies, drops and budgets are fractions. */
export interface UpdateSummary {
  readonly schema: 'holdfast.update/2'
  /**
   * `met`: the drop is shown to be inside the budget, on old rows that had no part in training or in the order of the test;
   * `not-met`: it is shown to be outside; `inconclusive`: there are too few of them to tell, or none; `nothing-to-gain`: no better model was found than the old one, which
   * answers nearly all new rows right, and it stays.
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
  readonly old: {
    readonly before: number
    readonly after: number
    readonly drop: number
    /** One-sided bounds of the drop. */
    readonly lower: number
    readonly upper: number
    readonly n: number
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
  /** What would help, where the budget is not met, or is met by giving up much of what training had learned. */
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
  const { status, learned, chosen, old, heldBack, trials } = result
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
    old: old && {
      before: old.before,
      after: old.after,
      drop: old.drop,
      lower: old.lower,
      upper: old.upper,
      n: old.n,
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
    help: [
      ...(learned || status === 'nothing-to-gain' ? [] : [learnMore]),
      ...(kept ? [] : helpFor(result, budget)),
      ...(kept && heldBack ? [helpWith(heldBack)] : []),
    ],
    seconds: {
      total: seconds ?? result.seconds.train + result.seconds.search,
      ...result.seconds,
    },
  }
}

/** What was lost over all releases counts, too; that it is spent is no fault of this update. */
function totalHelp({ claims, first }: NonNullable<UpdateResult['old']>): string[] {
  const broken = claims.find(
    ({ name, maxDrop, verdict }) => name.startsWith('total') && maxDrop !== null && verdict !== 'pass',
  )
  if (!broken) return []
  const looser = Math.ceil(broken.upper * 1000) / 1000
  return [
    `A larger budget for all releases together: against ${first ?? 'the first release'} up to ${percent(broken.upper)} points are lost, and ${percent(broken.maxDrop ?? 0)} are allowed (--max-drop-total ${(100 * looser).toFixed(1)}%). Or a new pack of today's model, which makes it the first release.`,
  ]
}

/** What training had learned and the budget did not let through. */
function helpWith({ reached, chosen, trial }: HeldBack): string {
  return `The budget held back what training had learned: ${percent(reached)} % of the new rows that points were judged on are right after trial ${trial + 1}, where the border between old and new serves both best; ${percent(chosen)} % of the same rows are at the chosen point. More old examples, a larger budget or more --trials may let more through.`
}

/** What may help where nothing was learned. */
const learnMore =
  'Longer training (--epochs), another --learning-rate, or more of the model to train (--train all); and a look at whether the new labels are right.'

function helpFor({ status, old, trials }: UpdateResult, { maxDrop }: Budget): string[] {
  if (!old) {
    return [
      'Old examples with labels, even a few hundred: as --old they are rehearsed and the drop is measured on them.',
    ]
  }
  const rehearsed = trials.some(({ method }) => method.includes('replay'))
  const { neededN } = old
  const looser = Math.ceil(old.upper * 1000) / 1000
  return [
    ...(neededN !== null && old.drop < maxDrop && neededN > old.n
      ? [
          `About ${neededN.toLocaleString('en-US')} held-out old examples instead of ${old.n.toLocaleString('en-US')}.`,
        ]
      : []),
    ...(looser > maxDrop && looser < 1
      ? [
          `A budget of ${(100 * looser).toFixed(1)} points: --max-drop ${(100 * looser).toFixed(1)}% would let this point through.`,
        ]
      : []),
    ...totalHelp(old),
    ...(status === 'not-met' && !rehearsed
      ? ['Old examples to rehearse (--old, --method replay+distil).']
      : []),
    ...(status === 'not-met' && rehearsed
      ? [
          'More old examples to rehearse, a lower --learning-rate, or fewer layers that train (--train last:2).',
        ]
      : []),
  ]
}
