import { defaultConfidence } from '../../measure/confidence.ts'
import { nonInferiority, type PairedCounts } from '../../measure/paired.ts'
import { normalQuantile } from '../../measure/statistics.ts'
import { type ClaimResult, verdictOf } from './claims.ts'
import type { Aim, Budget, Choice, HeldBack, PathPoint, PointClaim, Status } from './points.ts'

// All that an update decides: which point of which trial is taken, whether another trial is worth its time, and what the
// result is called. Pure functions over points and counts.

/** Without rows nothing is known of the drop: its bound is 1. */
export function dropOf(
  flips: PairedCounts,
  { maxDrop, confidence }: Budget,
): { readonly drop: number; readonly upper: number } {
  if (flips.total === 0) return { drop: 0, upper: 1 }
  const { drop, upperBound } = nonInferiority(flips, { budget: maxDrop, confidence })
  return { drop, upper: upperBound }
}

/** What a point is held to. */
const claimsOf = (point: PathPoint, { maxDrop }: Budget): readonly PointClaim[] =>
  point.claims ?? [{ ...point, name: 'deployed', maxDrop, n: point.flips.total }]

/** How much of a point's gain counts: all of it where the check will probably confirm the point, half where it may. */
const LIKELY = 1
const POSSIBLE = 0.5

/**
 * A point that the check will probably (80 %) confirm counts whole. One that it may confirm counts half: its bound is inside the
 * budget, or, where rows are few, its drop is estimated at half the budget or less. The others do not count. A larger budget never
 * lowers this.
 */
export function assuranceOf(point: PathPoint, { budget, rows }: Pick<Aim, 'budget' | 'rows'>): number {
  const held = claimsOf(point, budget)
  if (held.every((claim) => likelyToPass(claim, budget, rows))) return LIKELY
  const possible = held.every(
    ({ drop, upper, flips, maxDrop }) => upper <= maxDrop || (flips.total > 0 && drop <= maxDrop / 2),
  )
  return possible ? POSSIBLE : 0
}

/**
 * Whether the check will probably (80 %) show the budget kept, should the rows that are checked flip as these did: both
 * samples have their error, drop + z SE_check + z' sqrt(SE_check^2 + SE_choose^2) <= budget. A point at the very border would fail
 * every other time.
 */
function likelyToPass(
  { drop, flips, maxDrop, n }: Pick<PointClaim, 'drop' | 'flips' | 'maxDrop' | 'n'>,
  { confidence = defaultConfidence }: Budget,
  checked: number,
): boolean {
  if (flips.total === 0 || checked === 0) return false
  // Where classes count otherwise than their rows, the rows tell as much as fewer would; so it will be where they are checked.
  const rows = (checked * flips.total) / n
  // One flip more than was seen: none among few rows does not mean that there are none.
  const flipRate = Math.min(1, (flips.negative + flips.positive + 1) / flips.total)
  const variance = Math.max(0, flipRate - drop * drop)
  const atCheck = Math.sqrt(variance / rows)
  const between = Math.sqrt(variance / rows + variance / flips.total)
  return drop + normalQuantile(confidence) * atCheck + normalQuantile(0.8) * between <= maxDrop
}

/** What a point is worth: the new accuracy that it gains, as far as it counts. */
export const worthOf = (point: PathPoint, aim: Aim): number =>
  assuranceOf(point, aim) * Math.max(0, point.new - aim.before)

/**
 * The point that is worth most: the new accuracy that it gains over the old model, whole where the check will probably confirm it, half
 * where it may. Where none is worth anything it is the one whose bound of the drop is smallest. Of equals the surer one is taken, then
 * the one that keeps more.
 */
export function choosePoint(points: readonly PathPoint[], aim: Aim): PathPoint | undefined {
  const [first] = points
    .map((point) => ({ point, worth: worthOf(point, aim), assurance: assuranceOf(point, aim) }))
    .sort(
      (a, b) =>
        b.worth - a.worth ||
        (a.worth > 0 ? b.assurance - a.assurance : a.point.upper - b.point.upper) ||
        b.point.new - a.point.new ||
        b.point.old - a.point.old ||
        a.point.upper - b.point.upper ||
        nearer(a.point, b.point),
    )
  return first?.point
}

/** Nearer to the old model first: whatever order points come in, the same one is taken. */
const nearer = (a: PathPoint, b: PathPoint): number =>
  a.alpha - b.alpha || Math.abs(a.offset) - Math.abs(b.offset) || a.offset - b.offset

/** New accuracy from which on the old model leaves nothing to gain, should training not find it. */
const NEARLY_ALL = 0.95

/** Whether a point is better on new rows than the old model. */
const gains = (point: PathPoint, { before }: Aim): boolean => point.new > before

/**
 * Whether a point is anything to show: it keeps the budget on the rows that it is judged on, or it gains more than it loses. Where
 * nothing else was gained the latter says what the budget would have to be; a point that loses much for little says nothing.
 */
function presentable(point: PathPoint, { budget, before }: Aim): boolean {
  const claims = claimsOf(point, budget)
  const lost = Math.max(...claims.map(({ drop }) => drop))
  return claims.every(({ drop, maxDrop }) => drop <= maxDrop) || point.new - before > lost
}

/**
 * The point of all trials, given the points of each. Where none gains more than it loses it is where the first path starts;
 * and none at all where the old model already answers nearly all new rows right and no class is added, so that there is nothing to
 * gain.
 */
export function choose(trials: readonly (readonly PathPoint[])[], aim: Aim): Choice | undefined {
  const best = trials.flatMap((points, trial): Choice[] => {
    const own = points.filter((point) => gains(point, aim) && presentable(point, aim))
    const point = choosePoint(own, aim)
    return point ? [{ trial, point }] : []
  })
  const point = choosePoint(
    best.map((choice) => choice.point),
    aim,
  )
  if (point) return best.find((choice) => choice.point === point)
  const gainless = !trials.flat().some((each) => gains(each, aim))
  if (gainless && aim.before >= NEARLY_ALL && !aim.added) return undefined
  const [start] = trials
    .flatMap((points, trial) => points.map((each): Choice => ({ trial, point: each })))
    .sort(byStart)
  return start
}

/** Where a path starts new classes, if there are any, are never answered: the lowest offset. */
const byStart = (a: Choice, b: Choice): number =>
  a.point.alpha - b.point.alpha ||
  a.point.offset - b.point.offset ||
  a.point.upper - b.point.upper ||
  b.point.new - a.point.new

/** Of what the old model has wrong of the new rows, the share that is little to have gained. */
const LITTLE = 0.25

/** New accuracy that another trial would have to be able to win, for it to be worth its time. */
const WORTH_A_TRIAL = 0.01

/**
 * New accuracy that training has reached: at points whose border between old and new classes is not shifted, and at the one that has
 * most of both, old and new. Shifted far enough, any border gives nearly all rows to the new classes, which says nothing of what was
 * learned.
 */
export function reachedBy(points: readonly PathPoint[]): number | undefined {
  const unshifted = points.filter(({ offset }) => offset === 0)
  const [balanced] = [...points].sort((a, b) => b.old + b.new - (a.old + a.new) || a.new - b.new)
  return balanced && Math.max(...[...unshifted, balanced].map((point) => point.new))
}

/**
 * Whether another trial could win something: little was gained as yet; or the budget held back new accuracy that training had reached,
 * or let a point through that is not sure, where a sure one could be had.
 */
export function worthAnother(trials: readonly (readonly PathPoint[])[], aim: Aim): boolean {
  const chosen = choose(trials, aim)
  if (!chosen) return false
  // Nothing was gained that the check may confirm, or little of what the old model has wrong: later trials train longer, and protect more.
  const gained = chosen.point.new - aim.before
  if (worthOf(chosen.point, aim) === 0 || gained < LITTLE * (1 - aim.before)) return true
  const reached = reachedBy(trials.flat()) ?? 0
  const { flips } = chosen.point
  const provable = likelyToPass(
    {
      drop: 0,
      flips: { negative: 0, positive: 0, total: flips.total },
      maxDrop: aim.budget.maxDrop,
      n: flips.total,
    },
    aim.budget,
    aim.rows,
  )
  const most = (provable ? LIKELY : POSSIBLE) * Math.max(0, reached - aim.before)
  return most - worthOf(chosen.point, aim) > WORTH_A_TRIAL
}

/** New accuracy that the budget may cost without a word. */
const WORTH_A_WORD = 0.05

/** What the budget held back, where that is worth a word. */
export function heldBack(
  trials: readonly (readonly PathPoint[])[],
  choice: Choice | undefined,
): HeldBack | null {
  if (!choice) return null
  const chosen = choice.point.new
  const [most] = trials
    .flatMap((points, trial): HeldBack[] => {
      const reached = reachedBy(points)
      return reached === undefined ? [] : [{ trial, reached, chosen }]
    })
    .sort((a, b) => b.reached - a.reached)
  return most && most.reached - chosen > WORTH_A_WORD ? most : null
}

/** Whether more of the new rows are right than with the old model. */
export const hasLearned = ({ negative, positive }: PairedCounts): boolean => positive > negative

/**
 * What the result is called. `met`: the drop is shown to be inside the budget; `not-met`: it is shown to be outside; `inconclusive`:
 * there are too few rows to tell. These are the gate's words for the same counts. `nothing-to-gain`: no point was chosen, the old model
 * stays.
 *
 * @param claims What it is held to, on rows that had no part in the choice; all have to hold.
 */
export const statusOf = (
  chosen: Choice | undefined,
  claims: readonly Pick<ClaimResult, 'maxDrop' | 'verdict'>[],
): Status => (chosen ? words[verdictOf(claims)] : 'nothing-to-gain')

const words = { pass: 'met', fail: 'not-met', inconclusive: 'inconclusive' } as const
