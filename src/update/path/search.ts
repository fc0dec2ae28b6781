import type { Answers } from '../../evaluate/judge.ts'
import type { PairedCounts } from '../../measure/paired.ts'
import { type Claim, heldPoints, judgeClaims } from './claims.ts'
import { dropOf } from './decide.ts'
import type { Budget, PathPoint } from './points.ts'

/** Old and new rows, answered at one point of the path. */
export interface PointAnswers {
  readonly old: Answers
  readonly new: Answers
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
  /** What the budget is held on; default the drop from `baseline`, every row counting the same. */
  readonly claims?: readonly Claim[] | undefined
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
  // What is only told is told of the chosen point; the bounds of all points are dear.
  const claims = request.claims?.filter(({ maxDrop }) => maxDrop !== null)
  const old = split(answers.old, oldClasses)
  const fresh = split(answers.new, oldClasses)
  return (request.offsets ?? offsetsFor([old.lead, fresh.lead])).map((offset) => {
    const after = Int32Array.from(answers.old.labels, (_, row) => answerOf(old, row, offset))
    const onNew = Int32Array.from(answers.new.labels, (_, row) => answerOf(fresh, row, offset))
    const flips = flipsBetween(baseline, after, answers.old.labels)
    const found = claims && judgeClaims(claims, after, answers.old.labels, budget.confidence)
    const { drop, upper } = found?.[0] ?? dropOf(flips, budget)
    return {
      alpha,
      offset,
      old: accuracyOf(after, answers.old.labels),
      new: accuracyOf(onNew, answers.new.labels),
      drop,
      upper,
      flips,
      ...(found && { claims: heldPoints(found) }),
    }
  })
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
