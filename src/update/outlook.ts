import { type Aim, type Guess, sequenceOf } from './path/index.ts'

/** What a model that was not proved would probably come to. Fractions. */
export interface OutlookPoint {
  /** Drop on the old rows that prove, estimated. */
  readonly drop: number
  /** Accuracy on the new rows that candidates were compared on. */
  readonly new: number
}

/** So much beyond the budget is looked at. */
const BEYOND = 0.1

/**
 * The best that a rung seems to have, from the least drop on. Guesses count a loss softly and on other rows than those that prove, so only
 * their differences are used: from the one that was taken, whose drop is known.
 */
export function outlookOf(
  guesses: readonly Guess[],
  aim: Aim,
  taken: { readonly loss: number; readonly drop: number } | undefined,
): OutlookPoint[] {
  if (!taken) return []
  return sequenceOf(guesses, { before: aim.before })
    .map((guess) => ({ drop: taken.drop + guess.loss - taken.loss, new: guess.new }))
    .filter(({ drop }) => drop <= aim.budget.maxDrop + BEYOND)
}

/** The most new accuracy at no more than a drop, in any of several outlooks; undefined where nothing seems to lose so little. */
export function mostAt(outlooks: readonly (readonly OutlookPoint[])[], drop: number): number | undefined {
  const found = outlooks.flat().filter((point) => point.drop <= drop)
  return found.length === 0 ? undefined : Math.max(...found.map((point) => point.new))
}
