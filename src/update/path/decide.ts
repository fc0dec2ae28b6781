import { defaultConfidence } from '../../measure/confidence.ts'
import { examplesNeeded, nonInferiority, type PairedCounts } from '../../measure/paired.ts'
import { normalQuantile } from '../../measure/statistics.ts'

// All that an update decides: which point of which trial is taken, whether another trial is worth its time, and what the
// result is called. Pure functions over points and counts.

/** One point that could be shipped. */
export interface PathPoint {
  /** 0 is the old model, 1 the trained one. */
  readonly alpha: number
  /** Added to the logits of the classes that are new; 0 where there are none. */
  readonly offset: number
  /** Accuracy on old and on new calibration rows, as fractions. */
  readonly old: number
  readonly new: number
  /** How much worse than before on old rows, a fraction, and the upper bound of that at the asked-for confidence. */
  readonly drop: number
  readonly upper: number
  readonly flips: PairedCounts
}

export interface Budget {
  /** The drop on old data that is allowed, a fraction. */
  readonly maxDrop: number
  /** One-sided, default 0.95. */
  readonly confidence?: number
}

/** What a point is chosen for. */
export interface Aim {
  readonly budget: Budget
  /** The old model's accuracy on the new rows that points are judged on, a fraction. */
  readonly before: number
  /** Old rows that the choice will be checked on, untouched by it. */
  readonly rows: number
}

/** A point, and the trial that it is of. */
export interface Choice {
  /** From 0. */
  readonly trial: number
  readonly point: PathPoint
}

/** What an update came to. */
export type Status = 'met' | 'not-met' | 'inconclusive'

/** Without rows nothing is known of the drop: its bound is 1. */
export function dropOf(
  flips: PairedCounts,
  { maxDrop, confidence = defaultConfidence }: Budget,
): { readonly drop: number; readonly upper: number } {
  if (flips.total === 0) return { drop: 0, upper: 1 }
  const { drop, upperBound } = nonInferiority(flips, { budget: maxDrop, confidence })
  return { drop, upper: upperBound }
}

/**
 * The point with the best new accuracy among those whose bound of the drop is inside the budget; of equals the one that
 * keeps more. Where the few rows would allow less than half of what could be gained, the best point whose drop is
 * estimated at half the budget or less is taken instead: a useful one that the check may or may not confirm. A point at
 * the very border would fail the check every other time, so points that are likely to pass it (with a chance of 80 %) go
 * first.
 */
export function choosePoint(
  points: readonly PathPoint[],
  { budget, rows }: Pick<Aim, 'budget' | 'rows'>,
): PathPoint | undefined {
  const inside = points.filter(({ upper }) => upper <= budget.maxDrop)
  const likely = inside.filter((point) => likelyToPass(point, budget, rows))
  const safe = best(likely.length > 0 ? likely : inside)
  const bold = best(points.filter(({ drop, flips }) => flips.total > 0 && drop <= budget.maxDrop / 2))
  const least = Math.min(...points.map((point) => point.new))
  const worthwhile = safe && bold && safe.new - least >= WORTHWHILE * (bold.new - least)
  return worthwhile ? safe : (bold ?? safe)
}

/** Of what could be gained, the share below which a point that is sure to keep the budget is of little use. */
const WORTHWHILE = 0.5

const best = (points: readonly PathPoint[]): PathPoint | undefined =>
  [...points].sort((a, b) => b.new - a.new || b.old - a.old || a.alpha - b.alpha)[0]

/**
 * Whether the check will probably (80 %) show the budget kept, should the rows that are checked flip as these did: both
 * samples have their error, drop + z SE_check + z' sqrt(SE_check^2 + SE_choose^2) <= budget.
 */
function likelyToPass(
  { drop, flips }: PathPoint,
  { maxDrop, confidence = defaultConfidence }: Budget,
  rows: number,
): boolean {
  if (flips.total === 0 || rows === 0) return false
  // One flip more than was seen: none among few rows does not mean that there are none.
  const flipRate = Math.min(1, (flips.negative + flips.positive + 1) / flips.total)
  const variance = Math.max(0, flipRate - drop * drop)
  const atCheck = Math.sqrt(variance / rows)
  const between = Math.sqrt(variance / rows + variance / flips.total)
  return drop + normalQuantile(confidence) * atCheck + normalQuantile(0.8) * between <= maxDrop
}

/** The point that misses the budget by least, for a person to see what could be had. */
export const nearestPoint = (points: readonly PathPoint[]): PathPoint | undefined =>
  [...points].sort((a, b) => a.upper - b.upper || b.new - a.new)[0]

/** Points that are better on new rows than the old model. */
export const gaining = (points: readonly PathPoint[], { before }: Pick<Aim, 'before'>): PathPoint[] =>
  points.filter((point) => point.new > before)

/** The point of all trials, given the points of each; undefined where none is both a gain and inside the budget. */
export function choose(trials: readonly (readonly PathPoint[])[], aim: Aim): Choice | undefined {
  const chosen = trials.flatMap((points, trial): Choice[] => {
    const point = choosePoint(gaining(points, aim), aim)
    return point ? [{ trial, point }] : []
  })
  return chosen.sort((a, b) => b.point.new - a.point.new)[0]
}

/** New accuracy that another trial would have to be able to win, for it to be worth its time. */
const WORTH_A_TRIAL = 0.01

/** Whether more protection could win something: the budget held back new accuracy that training had reached. */
export function worthAnother(trials: readonly (readonly PathPoint[])[], aim: Aim): boolean {
  const reached = Math.max(...trials.flatMap((points) => points.map((point) => point.new)))
  const chosen = choose(trials, aim)
  return chosen === undefined || reached - chosen.point.new > WORTH_A_TRIAL
}

/**
 * What the result is called.
 *
 * @param counts Flips on rows that had no part in the choice.
 */
export function statusOf(chosen: Choice | undefined, counts: PairedCounts, budget: Budget): Status {
  if (counts.total === 0) return 'inconclusive'
  const { maxDrop, confidence = defaultConfidence } = budget
  const verified = nonInferiority(counts, { budget: maxDrop, confidence })
  if (chosen && verified.passes) return 'met'
  // What lies as far below the estimate as the bound lies above it.
  const lower = 2 * verified.drop - verified.upperBound
  if (lower > maxDrop) return 'not-met'
  return chosen === undefined && enoughRows(counts.total, budget) ? 'not-met' : 'inconclusive'
}

/** Whether rows without a single flip would show that the budget is kept; if not, nothing can be shown. */
const enoughRows = (rows: number, { maxDrop, confidence = defaultConfidence }: Budget): boolean =>
  maxDrop > 0 && rows >= examplesNeeded({ budget: maxDrop, flipRate: maxDrop, confidence })
