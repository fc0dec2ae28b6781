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
 *
 * Where the first seems to lose nothing, points before it on its way come first: documents that prove may be of another kind than those that
 * order, and without these nothing would be shown where they are.
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
  const sequence = found.reverse()
  return [...before(sequence[0], guesses), ...sequence]
}

/** Shares of the way to the first candidate that are tested before it. */
const BEFORE = [1 / 8, 1 / 4, 1 / 2]

/** Points before a candidate on its way that seem to lose nothing, either, and save something; each once. */
function before(first: TextGuess | undefined, guesses: readonly TextGuess[]): TextGuess[] {
  if (!first) return []
  const way = guesses.filter(({ trial, alpha }) => trial === first.trial && alpha < first.alpha)
  const near = BEFORE.flatMap((share) => nearest(way, share * first.alpha) ?? [])
  return [...new Set(near)].filter(({ loss, gain }) => loss <= 0 && gain > 0)
}

function nearest(way: readonly TextGuess[], alpha: number): TextGuess | undefined {
  const off = (guess: TextGuess) => Math.abs(guess.alpha - alpha)
  return way.reduce<TextGuess | undefined>(
    (best, guess) => (best === undefined || off(guess) < off(best) ? guess : best),
    undefined,
  )
}

/** The most that points of a way save on the new documents, whatever they lose. */
export const reachedBy = (looks: readonly TextGuess[]): number => Math.max(...looks.map(({ gain }) => gain))
