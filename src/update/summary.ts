import { defaultConfidence } from '../measure/confidence.ts'
import { examplesNeeded } from '../measure/paired.ts'
import type { Budget } from './path/index.ts'
import type { TrialResult, UpdateResult } from './update-types.ts'

/** An update's result as `holdfast update --json` prints it. Accuracies, drops and budgets are fractions. */
export interface UpdateSummary {
  readonly schema: 'holdfast.update/1'
  readonly status: UpdateResult['status']
  /** Whether the drop is shown to be inside the budget, on old rows that had no part in the choice. */
  readonly met: boolean
  readonly budget: number
  readonly confidence: number
  /** `trial` counts from 0 in `trials`; `alpha` is 0 at the old weights and 1 where training ended. */
  readonly chosen: UpdateResult['chosen']
  readonly old: {
    readonly before: number
    readonly after: number
    readonly drop: number
    readonly upper: number
    readonly n: number
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
    /** Old rows that would bring a verdict in 80 % of cases, if flips go on as seen; null where no number would. */
    readonly neededN: number | null
  } | null
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
  const { status, chosen, old, trials } = result
  const { confidence = defaultConfidence } = budget
  const neededN = old && neededFor(old, budget)
  return {
    schema: 'holdfast.update/1',
    status,
    met: status === 'met',
    budget: budget.maxDrop,
    confidence,
    chosen,
    old: old && { before: old.before, after: old.after, drop: old.drop, upper: old.upper, n: old.n },
    new: result.new,
    trials,
    verified: old && {
      passes: old.upper <= budget.maxDrop,
      n: old.n,
      negativeFlips: old.negativeFlips,
      positiveFlips: old.positiveFlips,
      negativeFlipRate: old.n === 0 ? 0 : old.negativeFlips / old.n,
      neededN,
    },
    help: status === 'met' ? heldBack(result) : helpFor(result, budget, neededN),
    seconds: {
      total: seconds ?? result.seconds.train + result.seconds.search,
      ...result.seconds,
    },
  }
}

/** New accuracy that the budget may cost without a word. */
const WORTH_A_WORD = 0.05

/** What training had learned and the budget did not let through. */
function heldBack({ trials, new: fresh }: UpdateResult): string[] {
  const ends = trials.map(({ curve }) => curve.at(-1)?.new ?? 0)
  const most = Math.max(...ends)
  if (most - fresh.after <= WORTH_A_WORD) return []
  return [
    `The budget held back what training had learned: ${(100 * most).toFixed(1)} % of the new data at the end of trial ${ends.indexOf(most) + 1}, ${(100 * fresh.after).toFixed(1)} % at the chosen point. More old examples, a larger budget or more --trials may let more through.`,
  ]
}

function neededFor(
  old: NonNullable<UpdateResult['old']>,
  { maxDrop, confidence = defaultConfidence }: Budget,
): number | null {
  const drop = Math.max(0, old.drop)
  if (!(drop < maxDrop)) return null
  const flipRate = Math.max(drop, maxDrop, (old.negativeFlips + old.positiveFlips) / old.n)
  return examplesNeeded({ budget: maxDrop, flipRate: Math.min(1, flipRate), drop, confidence })
}

function helpFor(
  { status, old, trials }: UpdateResult,
  { maxDrop }: Budget,
  neededN: number | null,
): string[] {
  if (!old) {
    return [
      'Old examples with labels, even a few hundred: as --old they are rehearsed and the drop is measured on them.',
    ]
  }
  const rehearsed = trials.some(({ method }) => method.includes('replay'))
  const looser = Math.ceil(old.upper * 1000) / 1000
  return [
    ...(neededN !== null && neededN > old.n
      ? [
          `About ${neededN.toLocaleString('en-US')} held-out old examples instead of ${old.n.toLocaleString('en-US')}.`,
        ]
      : []),
    ...(looser > maxDrop && looser < 1
      ? [
          `A budget of ${(100 * looser).toFixed(1)} points: --max-drop ${(100 * looser).toFixed(1)}% would let this point through.`,
        ]
      : []),
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
