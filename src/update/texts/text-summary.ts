import { defaultConfidence } from '../../measure/confidence.ts'
import type { Status } from '../path/index.ts'
import { textAdvice, textWarnings } from './text-advice.ts'
import type {
  TextClaim,
  TextPoint,
  TextTrialResult,
  TextUpdateBudget,
  TextUpdateResult,
} from './text-update-types.ts'

/** The result of a language model's update as `holdfast update --json` prints it. Changes and budgets are in the budget's unit. */
export interface TextUpdateSummary
  extends Pick<
    TextUpdateResult,
    'learned' | 'chosen' | 'chosenBy' | 'old' | 'new' | 'unshown' | 'heldBack' | 'stopped' | 'documents'
  > {
  readonly schema: 'holdfast.update-texts/1'
  /**
   * `met`: the change is shown to be inside the budget, on old documents that had no part in training or in the order of the test; `not-met`:
   * it is shown to be outside; `inconclusive`: there are too few of them to tell, or none; `nothing-to-gain`: no better model was found than
   * the old one, and it stays.
   */
  readonly status: Status
  /** Whether what is written is shown to keep the budget; of the old model that is sure. */
  readonly met: boolean
  readonly budget: Required<Pick<TextUpdateBudget, 'unit' | 'maxChange'>> & { readonly maxTotal: number }
  readonly confidence: number
  readonly trials: readonly (Omit<TextTrialResult, 'curve'> & {
    /** Its points that were tested, in the order of the test. */
    readonly curve: readonly (Pick<TextPoint, 'alpha' | 'guess'> & {
      readonly claims: readonly TextClaim[]
    })[]
  })[]
  readonly warnings: readonly string[]
  /** What would help, by what limits. */
  readonly help: readonly string[]
  readonly seconds: { readonly total: number; readonly train: number; readonly search: number }
}

/**
 * What the update of a language model came to, without the weights.
 *
 * @param doubts What makes the given model's own answers doubtful; see `openTextUpdate`.
 * @param seconds In all; default what training and search took.
 * @example console.log(JSON.stringify(summariseTexts(result)))
 */
export function summariseTexts(
  result: TextUpdateResult,
  {
    doubts = [],
    seconds,
  }: { readonly doubts?: readonly string[]; readonly seconds?: number | undefined } = {},
): TextUpdateSummary {
  const { parameters: _weights, adapters: _updates, budget, trials, status, ...told } = result
  const { unit, maxChange, maxTotal = maxChange, confidence = defaultConfidence } = budget
  return {
    schema: 'holdfast.update-texts/1',
    status,
    met: status === 'met' || status === 'nothing-to-gain',
    ...told,
    budget: { unit, maxChange, maxTotal },
    confidence,
    trials: trials.map(({ curve, ...trial }) => ({
      ...trial,
      curve: curve.map(({ alpha, guess, claims }) => ({ alpha, guess, claims })),
    })),
    warnings: textWarnings(result, doubts),
    help: textAdvice(result),
    seconds: { total: seconds ?? result.seconds.train + result.seconds.search, ...result.seconds },
  }
}
