import type { Answers } from '../../evaluate/judge.ts'
import type { PairedCounts } from '../../measure/paired.ts'
import { itemAt } from '../../required.ts'

/**
 * The units that an answer falls to: the best old class, or the best new one where its logit with the offset added is
 * higher. Kept apart so that every offset is judged from one evaluation.
 */
export interface Split {
  readonly bestOld: Int32Array
  readonly bestNew: Int32Array
  /** Logit of the best old class less that of the best new one: the offset from which on the new one wins. */
  readonly lead: Float64Array
}

export function split({ logits }: Answers, oldClasses: number): Split {
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
    lead[row] = fresh < 0 ? Number.POSITIVE_INFINITY : Number(logits.data[old]) - Number(logits.data[fresh])
  }
  return { bestOld, bestNew, lead }
}

function largest(data: Float32Array, from: number, to: number): number {
  let best = from
  for (let at = from + 1; at < to; at++) if (Number(data[at]) > Number(data[best])) best = at
  return best
}

/** The class of each row, with `offset` added to the logits of new classes. */
export const answersAt = ({ bestOld, bestNew, lead }: Split, offset: number): Int32Array =>
  bestOld.map((old, row) => (Number(lead[row]) < offset ? itemAt(bestNew, row, 'row') : old))

/** The class of each row, with `offset` added to the logits of new classes. */
export const predicted = (answers: Answers, oldClasses: number, offset: number): Int32Array =>
  answersAt(split(answers, oldClasses), offset)

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

/** Shares of the rows of a part that change sides between one offset and the next: small where few do, as budgets are. */
const SHARES = [0, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05, 0.07].concat(
  Array.from({ length: 37 }, (_, at) => 0.1 + at / 40),
)

/** Points from one offset to the next: between two rows that change sides softly counted rows still change. */
const BETWEEN = 3

/** Offsets at which a share of the rows changes sides, some between these, and 0: few enough to judge, dense where answers change. */
export function offsetsFor(leads: readonly Float64Array[]): number[] {
  const found = new Set([0])
  for (const lead of leads) {
    const sorted = lead.filter((value) => Number.isFinite(value)).sort()
    for (const share of sorted.length > 0 ? SHARES : []) {
      const at = Math.round((sorted.length - 1) * share)
      const here = itemAt(sorted, at, 'row')
      found.add((here + itemAt(sorted, Math.min(at + 1, sorted.length - 1), 'row')) / 2)
    }
  }
  const sorted = [...found].sort((a, b) => a - b)
  return sorted.flatMap((offset, at) => {
    const next = sorted[at + 1]
    if (next === undefined) return [offset]
    return Array.from({ length: BETWEEN }, (_, part) => offset + (part / BETWEEN) * (next - offset))
  })
}
