import { indexById, locatePrediction, type Prediction, type PredictionSet } from '../../data/formats/index.ts'
import { DataError } from '../../errors.ts'

/** One example and what two models answered for it. */
export interface PairedExample {
  readonly id: string
  readonly label: string
  readonly before: Prediction
  readonly after: Prediction
  readonly slices: readonly string[]
}

/**
 * Brings the predictions of two models together by id, in the order of `before`. Every id has to be in both, with the same label, and the
 * same slices where both say any.
 *
 * @throws DataError `predictions-empty`, `predictions-duplicate`, `predictions-unpaired`, `predictions-label`, `predictions-slice`, each
 * with file and line.
 */
export function joinPredictions(before: PredictionSet, after: PredictionSet): PairedExample[] {
  for (const set of [before, after]) {
    if (set.predictions.length > 0) continue
    throw new DataError('predictions-empty', `${set.name} has no predictions; at least one is needed.`)
  }
  const rowsBefore = indexById(before)
  const rowsAfter = indexById(after)
  checkPaired(before, after, rowsAfter)
  checkPaired(after, before, rowsBefore)
  return before.predictions.flatMap((old, row) => {
    const rowAfter = rowsAfter.get(old.id) ?? -1
    const renewed = after.predictions[rowAfter]
    if (!renewed) return []
    const here = locatePrediction(before, row)
    const there = locatePrediction(after, rowAfter)
    if (old.label !== renewed.label) {
      throw new DataError(
        'predictions-label',
        `${there}: id "${old.id}" has the label "${renewed.label}", but "${old.label}" at ${here}. Both models have to be measured on the same labels.`,
      )
    }
    const slices = slicesOf(old, renewed, here, there)
    return [{ id: old.id, label: old.label, before: old, after: renewed, slices }]
  })
}

function checkPaired(set: PredictionSet, other: PredictionSet, others: ReadonlyMap<string, number>): void {
  const alone = set.predictions.flatMap(({ id }, row) => (others.has(id) ? [] : [{ id, row }]))
  const [first] = alone
  if (!first) return
  const more = alone.length > 1 ? `, and so it is with ${alone.length - 1} more` : ''
  throw new DataError(
    'predictions-unpaired',
    `${locatePrediction(set, first.row)}: id "${first.id}" has no prediction in ${other.name}${more}. Both have to answer the same examples.`,
  )
}

function slicesOf(old: Prediction, renewed: Prediction, here: string, there: string): readonly string[] {
  const slices = old.slices ?? renewed.slices ?? []
  const differ = renewed.slices && [...renewed.slices].sort().join('\n') !== [...slices].sort().join('\n')
  if (!differ) return slices
  throw new DataError(
    'predictions-slice',
    `${there}: id "${old.id}" is in ${renewed.slices?.join(', ')}, but in ${slices.join(', ')} at ${here}. Correct one, or leave slices out of one file.`,
  )
}
