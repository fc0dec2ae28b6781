import type { PairedCounts } from '../../measure/paired.ts'
import { itemAt } from '../../required.ts'
import { type ClaimResult, ofClasses, verdictOf } from './claims.ts'
import { frontOf, type Settled, type Standing, settleOrder } from './fixed-sequence.ts'
import { alongBestLine } from './line.ts'
import type { Aim, Guess, HeldBack, Status, Tested } from './points.ts'

// All that an update decides: in which order candidates are tested, which one is taken, whether another rung of the ladder is
// worth its time, and what the result is called. Pure functions over guesses and counts.

/** Candidates that are tested at most: so many lie close enough. */
const CANDIDATES = 240

/**
 * The order in which candidates are tested, those that know more of the new than the old model, loss and gain softly counted; see
 * {@link frontOf} and, for `oneLine`, {@link alongBestLine}.
 */
export function sequenceOf(
  guesses: readonly Guess[],
  { before, oneLine }: Pick<Aim, 'before' | 'oneLine'>,
): Guess[] {
  const better = guesses.filter((guess) => guess.new > before)
  return evenly(frontOf(oneLine ? alongBestLine(better) : better, nearer), CANDIDATES)
}

/** Nearer to the old model first, and the cheaper trial: whatever order guesses come in, the same one is taken. */
const nearer = (a: Guess, b: Guess): number =>
  a.trial - b.trial || a.alpha - b.alpha || Math.abs(a.offset) - Math.abs(b.offset) || a.offset - b.offset

/** So many of a list, its first and last among them. */
function evenly<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list]
  return Array.from({ length: most }, (_, at) =>
    itemAt(list, Math.round((at * (list.length - 1)) / (most - 1)), 'candidate'),
  )
}

/** Whether the test goes on after this candidate. */
export const passes = ({ claims }: Pick<Tested, 'claims'>): boolean => verdictOf(claims) === 'pass'

/** How a candidate came out. */
export const standingOf = (tested: Pick<Tested, 'claims'>): Standing => ({
  passes: passes(tested),
  inside: seenInside(tested),
})

/** Which candidate is taken of those tested, in their order; see {@link settleOrder}. */
export const settle = (tested: readonly Pick<Tested, 'claims'>[]): Settled | undefined =>
  settleOrder(tested.map(standingOf))

/**
 * Whether a candidate is seen inside the budget, shown or not. One that passes counts, too, so that a larger budget, under which more of
 * them pass, offers no less; behind one that failed its passing shows nothing, see `statusOf`.
 */
export const seenInside = ({ claims }: Pick<Tested, 'claims'>): boolean =>
  verdictOf(claims) !== 'fail' &&
  claims.every((claim) => claim.maxDrop === null || ofClasses(claim) || claim.drop <= claim.maxDrop)

/** New accuracy from which on the old model leaves nothing to gain, should training not find it. */
const NEARLY_ALL = 0.95

/** Where no candidate gains: whether the old model stays, as it answers nearly all new rows right and no class is added. */
export const nothingToGain = ({ before, added }: Pick<Aim, 'before' | 'added'>): boolean =>
  before >= NEARLY_ALL && !added

/** The candidate that changes least: where a path starts new classes, if there are any, are never answered at the lowest offset. */
export const startOf = (guesses: readonly Guess[]): Guess | undefined =>
  [...guesses].sort((a, b) => a.alpha - b.alpha || a.offset - b.offset || a.trial - b.trial)[0]

/** New accuracy that another rung would have to be able to win, for it to be worth its time. */
const WORTH_A_RUNG = 0.01

/**
 * The best of what seems to lose no more than the budget allows, of those that know as much of the new the one that loses least; the old
 * model where none knows more than it.
 */
export function bestWithin(guesses: readonly Guess[], { budget, before }: Aim): Pick<Guess, 'new' | 'loss'> {
  const [best] = guesses
    .filter(({ loss }) => loss <= budget.maxDrop)
    .sort((a, b) => b.new - a.new || a.loss - b.loss)
  return best && best.new > before ? best : { new: before, loss: 0 }
}

/** Its new accuracy. */
export const withinBudget = (guesses: readonly Guess[], aim: Aim): number => bestWithin(guesses, aim).new

/** Of what the last rung gained over those below, the share that the next may be hoped to gain. */
const HOPE = 0.5

/**
 * Whether the next rung can pay, by the guesses of the rungs so far, from the first on: there is more to win than a rung is worth, and
 * the last one won at least twice that. What heads alone gain on features that stay says nothing of what layers below them would.
 *
 * @param heads How many of the rungs, the first ones, train the head alone. Default 1.
 */
export function worthClimbing(rungs: readonly (readonly Guess[])[], aim: Aim, heads = 1): boolean {
  if (rungs.length === 0) return true
  const best = withinBudget(rungs.flat(), aim)
  const below = withinBudget(rungs.slice(0, -1).flat(), aim)
  const hoped = rungs.length <= heads ? 1 - best : HOPE * (best - below)
  return Math.min(hoped, 1 - best) >= WORTH_A_RUNG
}

/**
 * New accuracy that training has reached: at points whose border between old and new classes is not shifted, and at the one that has
 * most of both, old and new. Shifted far enough, any border gives nearly all rows to the new classes, which says nothing of what was
 * learned.
 */
export function reachedBy(guesses: readonly Guess[]): number | undefined {
  const unshifted = guesses.filter(({ offset }) => offset === 0)
  const [balanced] = [...guesses].sort((a, b) => b.new - b.loss - (a.new - a.loss) || a.new - b.new)
  return balanced && Math.max(...[...unshifted, balanced].map((guess) => guess.new))
}

/** New accuracy that the budget may cost without a word. */
const WORTH_A_WORD = 0.05

/** What the budget held back, where that is worth a word. */
export function heldBack(
  trials: readonly (readonly Guess[])[],
  chosen: Pick<Guess, 'new'> | undefined,
): HeldBack | null {
  if (!chosen) return null
  const [most] = trials
    .flatMap((guesses, trial): HeldBack[] => {
      const reached = reachedBy(guesses)
      return reached === undefined ? [] : [{ trial, reached, chosen: chosen.new }]
    })
    .sort((a, b) => b.reached - a.reached)
  return most && most.reached - chosen.new > WORTH_A_WORD ? most : null
}

/** Whether more of the new rows are right than with the old model. */
export const hasLearned = ({ negative, positive }: PairedCounts): boolean => positive > negative

/**
 * What the result is called. `met`: the drop is shown to be inside the budget; `not-met`: it is shown to be outside; `inconclusive`:
 * there are too few rows to tell. These are the gate's words for the same counts. `nothing-to-gain`: no candidate was taken, the old
 * model stays.
 *
 * @param claims What it is held to; all have to hold.
 */
export function statusOf(
  settled: Pick<Settled, 'proven'> | undefined,
  claims: readonly Pick<ClaimResult, 'maxDrop' | 'verdict'>[],
): Status {
  if (!settled) return 'nothing-to-gain'
  const verdict = verdictOf(claims)
  // What passes behind one that failed is not shown by it: with so many looks one will pass by chance.
  return verdict === 'pass' && !settled.proven ? 'inconclusive' : words[verdict]
}

const words = { pass: 'met', fail: 'not-met', inconclusive: 'inconclusive' } as const
