import type { AccuracyMatrix, CurvePoint, RunMetrics } from './metrics.ts'
import { averageAccuracy } from './metrics.ts'

/**
 * Average anytime accuracy: the mean over all looks of the mean accuracy on the tasks seen by then, each look weighed by the steps since
 * the one before (Caccia et al. 2022; the area under the curve of Koh et al. 2022). It needs no task's end. Null without looks.
 *
 * @param curve looks in the order of their steps, null for tasks not seen yet
 * @example anytimeAccuracy([{ step: 10, task: 0, accuracies: [0.8, null] }, { step: 20, task: 1, accuracies: [0.6, 0.4] }]) // 0.65
 */
export function anytimeAccuracy(curve: readonly CurvePoint[]): number | null {
  let [sum, before] = [0, 0]
  for (const { step, accuracies } of curve) {
    const seen = accuracies.filter((accuracy) => accuracy !== null)
    if (seen.length > 0) {
      sum += (step - before) * (seen.reduce((all, accuracy) => all + accuracy, 0) / seen.length)
      before = step
    }
  }
  return before === 0 ? null : sum / before
}

/**
 * Forgetting where no task's end is told: mean over all tasks but the last of what is lost at the end of the best that any earlier look
 * found, as Chaudhry et al. (2018) have it with looks in place of task ends. Null where no task had been looked at before the end.
 *
 * @example forgettingBetween([{ step: 10, task: 0, accuracies: [0.8, null] }, { step: 20, task: 1, accuracies: [0.6, 0.4] }]) // 0.2
 */
export function forgettingBetween(curve: readonly CurvePoint[]): number | null {
  const last = curve.at(-1)
  if (!last) return null
  const earlier = curve.slice(0, -1)
  const falls = last.accuracies.slice(0, -1).flatMap((end, task) => {
    const looks = earlier.map(({ accuracies }) => accuracies[task] ?? null).filter((found) => found !== null)
    return end === null || looks.length === 0 ? [] : [Math.max(...looks) - end]
  })
  return falls.length === 0 ? null : falls.reduce((sum, fall) => sum + fall, 0) / falls.length
}

/**
 * The figures of a run whose borders nobody was told: those that need what a model knew when a task ended are null.
 *
 * @param run `matrix`: its last row is the end
 * @throws UsageError `matrix-empty`, `matrix-entry`
 */
export const untoldMetrics = (run: {
  readonly matrix: AccuracyMatrix
  readonly curve: readonly CurvePoint[]
}): RunMetrics & { readonly anytimeAccuracy: number | null } => ({
  averageAccuracy: averageAccuracy(run.matrix),
  anytimeAccuracy: anytimeAccuracy(run.curve),
  forgetting: forgettingBetween(run.curve),
  backwardTransfer: null,
  forwardTransfer: null,
  averageIncremental: null,
  intransigence: null,
  stabilityGap: null,
})
