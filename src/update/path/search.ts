import type { Answers } from '../../evaluate/judge.ts'
import { type NonInferiority, nonInferiority, type PairedCounts } from '../../measure/paired.ts'
import { normalQuantile } from '../../measure/statistics.ts'

/** Old and new rows, answered at one point of the path. */
export interface PointAnswers {
  readonly old: Answers
  readonly new: Answers
}

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

/**
 * The units that an answer falls to: the best old class, or the best new one where its logit with the offset added is
 * higher. Kept apart so that every offset is judged from one evaluation.
 */
interface Split {
  readonly bestOld: Int32Array
  readonly bestNew: Int32Array
  /** Logit of the best old class less that of the best new one: the offset from which on the new one wins. */
  readonly lead: Float64Array
}

function split({ logits }: Answers, oldClasses: number): Split {
  const [rows = 0, classes = 0] = logits.dims
  const bestOld = new Int32Array(rows)
  const bestNew = new Int32Array(rows)
  const lead = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    const at = row * classes
    const old = largest(logits.data, at, at + oldClasses)
    const fresh = classes > oldClasses ? largest(logits.data, at + oldClasses, at + classes) : -1
    bestOld[row] = old - at
    bestNew[row] = fresh < 0 ? -1 : fresh - at
    lead[row] = fresh < 0 ? Number.POSITIVE_INFINITY : (logits.data[old] ?? 0) - (logits.data[fresh] ?? 0)
  }
  return { bestOld, bestNew, lead }
}

function largest(data: Float32Array, from: number, to: number): number {
  let best = from
  for (let at = from + 1; at < to; at++) if ((data[at] ?? 0) > (data[best] ?? 0)) best = at
  return best
}

const answerOf = ({ bestOld, bestNew, lead }: Split, row: number, offset: number): number =>
  ((lead[row] ?? 0) < offset ? bestNew[row] : bestOld[row]) ?? -1

/** The class of each row, with `offset` added to the logits of new classes. */
export function predicted(answers: Answers, oldClasses: number, offset: number): Int32Array {
  const parts = split(answers, oldClasses)
  return Int32Array.from(answers.labels, (_, row) => answerOf(parts, row, offset))
}

/** Flips from what was right before to what is right now. */
export function flipsBetween(before: Int32Array, after: Int32Array, labels: Int32Array): PairedCounts {
  let negative = 0
  let positive = 0
  for (const [row, label] of labels.entries()) {
    const was = before[row] === label
    const is = after[row] === label
    if (was && !is) negative++
    if (!was && is) positive++
  }
  return { negative, positive, total: labels.length }
}

/** The share of rows whose prediction is their label; 0 without rows. */
export function accuracyOf(predictions: Int32Array, labels: Int32Array): number {
  let right = 0
  for (const [row, label] of labels.entries()) if (predictions[row] === label) right++
  return labels.length === 0 ? 0 : right / labels.length
}

export interface PointsRequest {
  readonly alpha: number
  readonly answers: PointAnswers
  /** What the old model answered for the old rows. */
  readonly baseline: Int32Array
  /** How many of the classes the old model knew; these come first. */
  readonly oldClasses: number
  readonly budget: Budget
  /** Offsets to try; default {@link offsetsFor}. */
  readonly offsets?: readonly number[]
}

/**
 * Every point at one alpha: one for each offset of the new classes' logits, or one alone where no class is new. An
 * offset shifts the border between old and new classes without training (the bias correction of Wu et al. 2019,
 * arXiv 1905.13260, with its scale left at 1).
 */
export function pointsAt(request: PointsRequest): PathPoint[] {
  const { alpha, answers, baseline, oldClasses, budget } = request
  const old = split(answers.old, oldClasses)
  const fresh = split(answers.new, oldClasses)
  return (request.offsets ?? offsetsFor([old.lead, fresh.lead])).map((offset) => {
    const after = Int32Array.from(answers.old.labels, (_, row) => answerOf(old, row, offset))
    const onNew = Int32Array.from(answers.new.labels, (_, row) => answerOf(fresh, row, offset))
    const flips = flipsBetween(baseline, after, answers.old.labels)
    const { drop, upper } = dropOf(flips, budget)
    return {
      alpha,
      offset,
      old: accuracyOf(after, answers.old.labels),
      new: accuracyOf(onNew, answers.new.labels),
      drop,
      upper,
      flips,
    }
  })
}

/** Without rows nothing is known of the drop: its bound is 1. */
export function dropOf(
  flips: PairedCounts,
  { maxDrop, confidence = 0.95 }: Budget,
): { readonly drop: number; readonly upper: number } {
  if (flips.total === 0) return { drop: 0, upper: 1 }
  const { drop, upperBound } = nonInferiority(flips, { budget: maxDrop, confidence })
  return { drop, upper: upperBound }
}

/** Offsets at which a share of the rows changes sides, and 0: few enough to judge, dense where answers change. */
const SHARES = 40

function offsetsFor(leads: readonly Float64Array[]): number[] {
  const finite = leads.map((lead) => lead.filter((value) => Number.isFinite(value)).sort())
  if (finite.every(({ length }) => length === 0)) return [0]
  const found = new Set([0])
  for (const sorted of finite) {
    for (let part = 0; part <= SHARES; part++) {
      const at = Math.round(((sorted.length - 1) * part) / SHARES)
      const [here = 0, next = here] = [sorted[at], sorted[Math.min(at + 1, sorted.length - 1)]]
      found.add((here + next) / 2)
    }
  }
  return [...found].sort((a, b) => a - b)
}

/**
 * The point with the best new accuracy among those whose bound of the drop is inside the budget; of equals the one that
 * keeps more. Where the few rows would allow less than half of what could be gained, the best point whose drop is
 * estimated at half the budget or less is taken instead: a useful one that the check may or may not confirm.
 *
 * @param rows Old rows that the choice will be checked on, untouched by it. A point at the very border would fail that check
 * every other time, so points that are likely to pass it (with a chance of 80 %) go first.
 */
export function choosePoint(
  points: readonly PathPoint[],
  budget: Budget,
  rows: number,
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
  { maxDrop, confidence = 0.95 }: Budget,
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

/** Verdict on rows that had no part in the choice. */
export function verify(flips: PairedCounts, budget: Budget): NonInferiority | undefined {
  if (flips.total === 0) return undefined
  return nonInferiority(flips, { budget: budget.maxDrop, confidence: budget.confidence ?? 0.95 })
}
