import { itemAt } from '../../required.ts'
import type { Guess } from './points.ts'

/** Losses up to which a line is looked at: as far as budgets go. */
const REACH = 0.1

/**
 * Where a border between old and new classes moves: the candidates of the best line, a point of one trial's path under all borders, and of the
 * others those that seem to lose less than all on it.
 *
 * Under a border that moves one way more and more old rows are lost, whichever rows one looks at, so the first of a line that fails is where
 * the line leaves the budget. Between two lines what a few hundred rows say of the loss is a point off, either way: an order of all of them has
 * in front whichever line looks good by luck, and ends at its first that fails, with what lies behind it untested. The best line is the one
 * that gains most where it loses up to {@link REACH}, in the mean: the budget has no part in that. (`bench/update-redraws.ts`)
 */
export function alongBestLine(guesses: readonly Guess[]): Guess[] {
  const lines = new Map<string, Guess[]>()
  for (const guess of guesses) {
    const key = `${guess.trial} ${guess.alpha}`
    const line = lines.get(key)
    if (line) line.push(guess)
    else lines.set(key, [guess])
  }
  const [best] = [...lines.values()]
    .map((line) => ({ line, worth: worthOf(line), first: itemAt(line, 0, 'candidate') }))
    .sort((a, b) => b.worth - a.worth || a.first.trial - b.first.trial || a.first.alpha - b.first.alpha)
  if (!best) return []
  const least = Math.min(...best.line.map(({ loss }) => loss))
  return [...guesses.filter(({ loss }) => loss < least), ...best.line]
}

/** The most that is gained at no more than a loss, summed up over losses from 0 to {@link REACH}. */
function worthOf(line: readonly Guess[]): number {
  let [area, from, most] = [0, 0, 0]
  for (const { loss, gain } of [...line].sort((a, b) => a.loss - b.loss)) {
    const to = Math.min(REACH, Math.max(from, loss))
    area += most * (to - from)
    from = to
    most = Math.max(most, gain)
  }
  return area + most * (REACH - from)
}
