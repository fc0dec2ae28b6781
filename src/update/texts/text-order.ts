import { frontOf } from '../path/index.ts'
import type { TextGuess } from './text-update-types.ts'

/** Of one candidate and the next, how much more the second has to seem to lose: a share of what it loses, or so much where that is more. */
const STEP = 0.1
const LEAST_STEP = 0.002

/** Changes below this are not told apart. */
const NOTHING = 5e-4

/**
 * The order in which candidates are tested, those that save bits on the new documents: from the one that seems to lose least on, each with
 * more saved, and so much more lost than the one before that testing it is worth a pass over the documents. The budget has no part in it.
 */
export function textSequence(guesses: readonly TextGuess[]): TextGuess[] {
  const better = guesses.filter(({ gain, bound }) => gain > 0 && Number.isFinite(bound))
  const front = frontOf(
    better.map((guess) => ({ guess, loss: guess.bound, gain: guess.gain })),
    (a, b) => a.guess.trial - b.guess.trial || a.guess.alpha - b.guess.alpha,
  )
  const found: TextGuess[] = []
  let next = Number.POSITIVE_INFINITY
  for (const { guess } of front.reverse()) {
    const { bound } = guess
    if (bound > next) continue
    found.push(guess)
    if (bound <= NOTHING) break
    next = bound - Math.max(STEP * bound, Math.min(LEAST_STEP, bound / 2))
  }
  return found.reverse()
}

/** The most that points of a way save on the new documents, whatever they lose. */
export const reachedBy = (looks: readonly TextGuess[]): number => Math.max(...looks.map(({ gain }) => gain))
