import type { Answers } from '../../evaluate/judge.ts'
import { itemAt } from '../../required.ts'
import type { Guess } from './points.ts'
import { accuracyOf, answersAt, offsetsFor, split } from './search.ts'

export interface GuessRequest {
  readonly trial: number
  readonly alpha: number
  /** Answers at that point: for the old rows that order, none where there are none, and for new ones. */
  readonly old: Answers
  readonly fresh: Answers
  /** What the old model answers for the old rows. */
  readonly before: Answers
  readonly oldClasses: number
  /** Whether the border between old and new classes may be shifted. */
  readonly shift: boolean
}

/** Of the spread of the old model's margins, the width that a margin is rounded off by. */
const SOFTNESS = 0.2

/**
 * What points at one alpha are worth, one for each offset of the new classes' logits (the bias correction of Wu et al. 2019,
 * arXiv 1905.13260, with its scale left at 1), or one alone where no class is new.
 *
 * Loss and gain are soft: a row counts 1 / (1 + exp(margin / width)) as wrong, not 0 or 1, so that of two points under which no row is
 * lost the one that comes nearer to losing some has the larger loss, and so that what a few hundred rows say of two near points is not
 * which of them a single row happened to fall to. Without old rows it is only an order: the further from the old model, the later.
 */
export function guessesAt(request: GuessRequest): Guess[] {
  const { trial, alpha, before, old, fresh, oldClasses, shift } = request
  const [onOld, onNew] = [split(old, oldClasses), split(fresh, oldClasses)]
  const width = widthOf(before)
  const wrong = (answers: Answers, outputs: number) => softly(marginsOf(answers, outputs), width)
  const [earlier, now, learned] = [
    wrong(before, itemAt(before.logits.dims, 1, 'dim')),
    wrong(old, oldClasses),
    wrong(fresh, oldClasses),
  ]
  const offsets = shift ? offsetsFor([onOld.lead, onNew.lead]) : [0]
  return offsets.map((offset, place) => ({
    trial,
    alpha,
    offset,
    loss: old.labels.length > 0 ? now(offset) - earlier(0) : alpha + place / offsets.length,
    gain: 1 - learned(offset),
    new: accuracyOf(answersAt(onNew, offset), fresh.labels),
  }))
}

/** What a margin is rounded off by, in logits. */
const widthOf = (before: Answers): number =>
  SOFTNESS * spreadOf(marginsOf(before, itemAt(before.logits.dims, 1, 'dim')).map(({ known }) => known))

/** How many of some new rows are right, softly counted and plainly, for each of their parts. */
export interface Right {
  readonly softly: Float64Array
  readonly plainly: Int32Array
}

/**
 * The gain of guesses, and their new accuracy, as sums over parts of the new rows.
 *
 * @param partOf The part of each new row.
 * @returns One an offset.
 */
export function rightByPart(
  { before, fresh, oldClasses }: GuessRequest,
  offsets: readonly number[],
  partOf: Int32Array,
  parts: number,
): Right[] {
  const width = widthOf(before)
  const rows = marginsOf(fresh, oldClasses)
  const answers = split(fresh, oldClasses)
  return offsets.map((offset) => {
    const found = { softly: new Float64Array(parts), plainly: new Int32Array(parts) }
    const now = answersAt(answers, offset)
    for (const [row, margins] of rows.entries()) {
      const part = itemAt(partOf, row, 'part')
      found.softly[part] = itemAt(found.softly, part, 'part') + 1 - softWrong(margins, offset, width)
      if (now[row] === fresh.labels[row]) found.plainly[part] = itemAt(found.plainly, part, 'part') + 1
    }
    return found
  })
}

/** What a row's logit is ahead of the best other one of the old classes, and of the new ones, before an offset. */
interface Margins {
  readonly known: number
  readonly added: number
  /** Whether the row is of a new class: then an offset is on its own side. */
  readonly isNew: boolean
}

function marginsOf({ logits, labels }: Answers, oldClasses: number): Margins[] {
  const classes = itemAt(logits.dims, 1, 'dim')
  const best = (row: number, from: number, to: number): number => {
    let found = Number.NEGATIVE_INFINITY
    for (let unit = from; unit < to; unit++) {
      if (unit !== labels[row]) found = Math.max(found, Number(logits.data[row * classes + unit]))
    }
    return found
  }
  return Array.from(labels, (label, row) => {
    const own = Number(logits.data[row * classes + label])
    return {
      known: own - best(row, 0, oldClasses),
      added: own - best(row, oldClasses, classes),
      isNew: label >= oldClasses,
    }
  })
}

/** How far a row is wrong, 0..1, with an offset added to the logits of new classes. */
function softWrong({ known, added, isNew }: Margins, offset: number, width: number): number {
  const margin = isNew ? Math.min(known + offset, added) : Math.min(known, added - offset)
  return width > 0 ? 1 / (1 + Math.exp(margin / width)) : Number(margin <= 0)
}

/** How many rows are wrong, softly, as a share, at an offset. */
const softly =
  (rows: readonly Margins[], width: number) =>
  (offset: number): number =>
    rows.reduce((sum, row) => sum + softWrong(row, offset, width), 0) / Math.max(1, rows.length)

function spreadOf(margins: readonly number[]): number {
  const finite = margins.filter(Number.isFinite)
  if (finite.length < 2) return 0
  const centre = finite.reduce((sum, value) => sum + value, 0) / finite.length
  return Math.sqrt(finite.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (finite.length - 1))
}
