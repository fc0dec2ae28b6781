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
  /** Offsets to guess at; default those at which answers change. */
  readonly offsets?: readonly number[] | undefined
}

/** Of the spread of the old model's margins, the width that a margin is rounded off by. */
const SOFTNESS = 0.2

/**
 * What points at one alpha are worth, one for each offset of the new classes' logits (the bias correction of Wu et al. 2019,
 * arXiv 1905.13260, with its scale left at 1), or one alone where no class is new.
 *
 * The loss is soft: a row counts 1 / (1 + exp(margin / width)) as wrong, not 0 or 1, so that of two points under which no row is lost
 * the one that comes nearer to losing some has the larger loss. Without old rows it is only an order: the further from the old model, the later.
 */
export function guessesAt(request: GuessRequest): Guess[] {
  const { trial, alpha, before, old, fresh, oldClasses, shift } = request
  const [onOld, onNew] = [split(old, oldClasses), split(fresh, oldClasses)]
  const earlier = softly(before, itemAt(before.logits.dims, 1, 'dim'))
  const now = softly(old, oldClasses, earlier.width)
  const offsets = request.offsets ?? (shift ? offsetsFor([onOld.lead, onNew.lead]) : [0])
  return offsets.map((offset, place) => ({
    trial,
    alpha,
    offset,
    loss: old.labels.length > 0 ? now.wrong(offset) - earlier.wrong(0) : alpha + place / offsets.length,
    new: accuracyOf(answersAt(onNew, offset), fresh.labels),
  }))
}

/** How many rows are wrong, softly, as a share; all rows are of old classes. */
function softly({ logits, labels }: Answers, oldClasses: number, given?: number) {
  const classes = itemAt(logits.dims, 1, 'dim')
  const best = (row: number, from: number, to: number): number => {
    let found = Number.NEGATIVE_INFINITY
    for (let unit = from; unit < to; unit++) {
      if (unit !== labels[row]) found = Math.max(found, Number(logits.data[row * classes + unit]))
    }
    return found
  }
  const rows = Array.from(labels, (label, row) => {
    const own = Number(logits.data[row * classes + label])
    return { overOld: own - best(row, 0, oldClasses), overNew: own - best(row, oldClasses, classes) }
  })
  const width = given ?? SOFTNESS * spreadOf(rows.map(({ overOld }) => overOld))
  const soft = (margin: number) => (width > 0 ? 1 / (1 + Math.exp(margin / width)) : Number(margin <= 0))
  const wrong = (offset: number) =>
    rows.reduce((sum, { overOld, overNew }) => sum + soft(Math.min(overOld, overNew - offset)), 0) /
    Math.max(1, rows.length)
  return { width, wrong }
}

function spreadOf(margins: readonly number[]): number {
  const finite = margins.filter(Number.isFinite)
  if (finite.length < 2) return 0
  const centre = finite.reduce((sum, value) => sum + value, 0) / finite.length
  return Math.sqrt(finite.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (finite.length - 1))
}
