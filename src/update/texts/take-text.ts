import { type TextLoss, totalLoss } from '../../measure/text-scores.ts'
import { itemAt } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type Settled, settleOrder, testInOrder } from '../path/index.ts'
import { stopIfAsked } from '../stop-if-asked.ts'
import { relativeBudget } from './text-budget.ts'
import { judgeTextClaims, textStanding } from './text-claims.ts'
import type { TextContext } from './text-context.ts'
import type { Walked } from './text-looks.ts'
import { textSequence } from './text-order.ts'
import type { TextClaim, TextGuess, TextTrialSettings } from './text-update-types.ts'
import type { Way } from './text-way.ts'

/** A rung that was climbed, and what the points of its way seem to be worth. */
export interface TriedText extends Walked {
  readonly index: number
  readonly way: Way
  readonly method: string
  readonly settings: TextTrialSettings
  readonly seconds: { readonly train: number; readonly search: number }
}

/** A candidate that was tested. */
export interface TestedText {
  readonly guess: TextGuess
  readonly claims: readonly TextClaim[]
  /** On each document that proves. */
  readonly losses: readonly TextLoss[]
}

/** What was tested, and which of it is taken. */
export interface TextOutcome {
  readonly tested: readonly TestedText[]
  readonly taken: TakenText | undefined
}

export interface TakenText {
  readonly guess: TextGuess
  readonly settled: Settled
  readonly trial: TriedText
  /** As the file gives them back. */
  readonly weights: ReadonlyMap<string, Tensor>
  /** Undefined where no document proves. */
  readonly tested: TestedText | undefined
}

/** Without old documents nothing says how far to go; half way is what does best on average (WiSE-FT). */
const ALPHA_UNSEEN = 0.5

/**
 * Puts all candidates in their order, tests them, and takes one; none where no candidate saves bits on the new documents. Where no document
 * proves, it is the last that seems to be inside the budget on those that order, or half of the way without any.
 */
export async function takeText(context: TextContext, tried: readonly TriedText[]): Promise<TextOutcome> {
  const { options, claims, parts } = context
  const sequence = textSequence(tried.flatMap(({ guesses }) => guesses))
  const trialOf = ({ trial }: TextGuess) => itemAt(tried, trial, 'trial')
  const weightsOf = async (guess: TextGuess) => {
    const between = await trialOf(guess).way.at(guess.alpha)
    return options.stored ? options.stored(between) : between
  }
  const taken = async (guess: TextGuess, settled: Settled, tested?: TestedText): Promise<TakenText> => ({
    ...{ guess, settled, tested, trial: trialOf(guess), weights: await weightsOf(guess) },
  })
  if (sequence.length === 0) return { tested: [], taken: undefined }
  const { proof } = parts
  if (!claims || !proof) {
    return { tested: [], taken: await taken(unproven(context, sequence), { at: 0, proven: false }) }
  }
  let count = 0
  const test = async (guess: TextGuess): Promise<TestedText> => {
    stopIfAsked(options, 'testing candidates')
    const losses = await context.losses.on(proof, await weightsOf(guess))
    const found = { guess, losses, claims: judgeTextClaims(claims, losses) }
    const { trial, alpha } = guess
    count++
    options.onEvent?.({
      ...{ type: 'point', trial, tested: count, of: sequence.length },
      point: { trial, alpha, guess, claims: found.claims },
    })
    return found
  }
  const tested = await testInOrder(sequence, test, (each) => textStanding(each.claims))
  const settled = settleOrder(tested.map((each) => textStanding(each.claims)))
  if (!settled) return { tested, taken: undefined }
  const one = itemAt(tested, settled.at, 'candidate')
  return { tested, taken: await taken(one.guess, settled, one) }
}

/** Where nothing proves. */
function unproven({ order, options: { budget } }: TextContext, sequence: readonly TextGuess[]): TextGuess {
  const first = itemAt(sequence, 0, 'candidate')
  if (!order) {
    const half = sequence.find(({ alpha }) => alpha >= ALPHA_UNSEEN)
    return half ?? first
  }
  const inside = sequence.filter(({ loss }) => loss <= relativeBudget(budget, totalLoss(order.before)))
  return inside.at(-1) ?? first
}
