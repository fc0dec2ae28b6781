import { itemAt, present } from '../../required.ts'
import { inTextUnit } from '../gate/index.ts'
import type { TextClaim, TextUpdateResult } from './text-update-types.ts'

/** New bits saved that are worth a sentence on how to get them, as a share. */
const WORTH_A_WORD = 0.02

/** Nobody gathers more than so many times the documents that there are. */
const MANY_TIMES = 20

/** With fewer documents the figure of the chosen one among many is too good. */
const FEW_CHECKED = 10

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
const whole = (value: number): string => value.toLocaleString('en-US')

/** What is to be said of a result beside its verdict. */
export function textWarnings(result: TextUpdateResult, doubts: readonly string[]): readonly string[] {
  const { new: fresh, learned, chosen, chosenBy } = result
  if (!chosen) return doubts
  const { change, upper, documents } = fresh
  const own = chosenBy === 'check'
  return [
    ...doubts,
    ...(learned
      ? []
      : [`Nothing was learned: new texts need ${percent(Math.abs(change))} more bits than before.`]),
    ...(learned && upper >= 0
      ? [
          `The gain may be chance: ${whole(documents)} new documents do not show it with 95 % confidence. More held-out new documents would tell.`,
        ]
      : []),
    ...(own && documents < FEW_CHECKED
      ? [
          `What was learned is told by ${whole(documents)} new documents, which candidates were also compared on: on others it is probably a little less. New texts with a validation part beside the test part would tell.`,
        ]
      : []),
  ]
}

/** What would help, by what limits: the documents that prove, the budget, what is rehearsed, time. */
export function textAdvice(result: TextUpdateResult): readonly string[] {
  const { status, old, documents } = result
  if (status === 'nothing-to-gain') {
    return result.trials.length > 0
      ? ['Longer training (--epochs), another --learning-rate, or all weights (--rungs whole).']
      : []
  }
  if (!old) {
    return [
      'Old texts that the model was not trained on (--old), or a pack of them (holdfast keep): without any, nothing can be proved of what was kept.',
    ]
  }
  return [
    ...moreProof(result),
    ...moreBudget(result, old.claims),
    ...(documents.rehearsed === 0 && status !== 'met'
      ? ['Old texts to rehearse (--old, or a pack): a few of them keep most of what is lost without.']
      : []),
    ...(result.stopped
      ? [
          `More time: ${result.stopped.rung} did not train; about --time ${Math.ceil(result.stopped.seconds)} would have been enough.`,
        ]
      : []),
  ]
}

/** The documents that prove are what limits. */
function moreProof({ unshown, old, chosen, trials }: TextUpdateResult): readonly string[] {
  if (!unshown || !old || unshown.neededDocuments === null) return []
  const { neededDocuments: needed, gain } = unshown
  if (needed <= old.documents || needed > MANY_TIMES * old.documents) return []
  const taken = chosen ? gainAt(trials, chosen) : 0
  if (gain - taken < WORTH_A_WORD) return []
  return [
    `More held-out old documents: a candidate that saves ${percent(gain)} of the new bits is seen inside the budget, but ${whole(old.documents)} documents do not show it; about ${whole(needed)} like these would.`,
  ]
}

/** The budget is what limits. */
function moreBudget(
  { status, heldBack, budget }: TextUpdateResult,
  claims: readonly TextClaim[],
): readonly string[] {
  if (status === 'not-met') {
    const broken = claims.find(({ verdict }) => verdict === 'fail')
    return broken
      ? [
          `A larger budget: even the candidate that seemed to lose least costs ${inTextUnit(broken.change, broken.unit)}, at least ${inTextUnit(broken.lower, broken.unit)}; or less change, with a smaller --learning-rate or more to rehearse (--replay-share).`,
        ]
      : []
  }
  if (!heldBack) return []
  return [
    `A larger budget than ${inTextUnit(budget.maxChange, budget.unit)}, or more to rehearse (--replay-share): training came to ${percent(heldBack.reached)} of the new bits saved, and ${percent(heldBack.chosen)} are at the chosen point.`,
  ]
}

/** What the chosen point seemed to save; it was tested, as there are documents that prove. */
function gainAt(
  trials: TextUpdateResult['trials'],
  { trial, alpha }: NonNullable<TextUpdateResult['chosen']>,
): number {
  const tested = itemAt(trials, trial, 'trial').curve.find((point) => point.alpha === alpha)
  return present(tested, 'the chosen point').guess.gain
}
