import { count } from '../count.ts'
import { UsageError } from '../errors.ts'
import { binomialCdf } from './binomial.ts'

/** How many answers are right, beside how many would be were they dealt out to the rows at random. */
export interface Agreement {
  readonly right: number
  readonly total: number
  /** sum over classes of (share of the labels) (share of the answers), a fraction (Cohen 1960). */
  readonly byChance: number
  /** Classes among the labels. */
  readonly classes: number
}

/**
 * Counts the rows whose answer is their label.
 *
 * @param labels the right class of each row, by number or name
 * @param answers what the model says, same order
 * @throws UsageError `predictions-length` when the lengths differ.
 * @example agreement([0, 0, 1, 1], [0, 0, 0, 0]) // { right: 2, total: 4, byChance: 0.5, classes: 2 }
 */
export function agreement<Label>(labels: ArrayLike<Label>, answers: ArrayLike<Label>): Agreement {
  const total = labels.length
  if (answers.length !== total) {
    throw new UsageError(
      'predictions-length',
      `Agreement needs one answer a label: found were ${count(total, 'label')}, but ${count(answers.length, 'answer')}.`,
    )
  }
  const counts = new Map<Label, { labelled: number; answered: number }>()
  const of = (label: Label) => {
    const found = counts.get(label) ?? { labelled: 0, answered: 0 }
    counts.set(label, found)
    return found
  }
  let right = 0
  for (let row = 0; row < total; row++) {
    const [label, answer] = [labels[row] as Label, answers[row] as Label]
    of(label).labelled++
    of(answer).answered++
    if (label === answer) right++
  }
  let byChance = 0
  let classes = 0
  for (const { labelled, answered } of counts.values()) {
    byChance += (labelled / total) * (answered / total)
    if (labelled > 0) classes++
  }
  return { right, total, byChance, classes }
}

/** Fewer rows say nothing of a model. */
const FEWEST = 20
/** Of what there is to know beyond chance; a model that has half of it knows something, however few the rows. */
const KNOWS = 0.5

/**
 * Whether the answers are no better than if they were dealt out at random, which is what wrong preprocessing, a wrong order of fields or
 * labels under other names make of a good model: less than half of what could be known beyond chance, and in more than 5 % of
 * deals as many would be right. False where nothing can be told: on fewer than 20 rows, or where all rows are of one class.
 *
 * @example atChance({ right: 251, total: 1000, byChance: 0.25, classes: 4 }) // true
 */
export function atChance({ right, total, byChance, classes }: Agreement): boolean {
  if (total < FEWEST || classes < 2) return false
  const known = (right / total - byChance) / (1 - byChance)
  return known < KNOWS && 1 - binomialCdf(right - 1, total, byChance) > 0.05
}
