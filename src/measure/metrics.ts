import { count } from '../count.ts'
import { UsageError } from '../errors.ts'

/**
 * Accuracies as fractions in [0, 1]: row t = after learning task t, column i = on task i (both from 0).
 *
 * Usually T x T: what a row says of tasks still to come feeds forward transfer. A row may stop at its own task
 * where future tasks were not looked at. A run that trained on everything at once (joint) has one row of T.
 */
export type AccuracyMatrix = readonly (readonly number[])[]

/** One look at every task during training. */
export interface CurvePoint {
  /** Optimiser steps since the run began. */
  readonly step: number
  /** Task being learned, from 0. */
  readonly task: number
  /** Accuracy on each task as a fraction; null where it was not measured. */
  readonly accuracies: readonly (number | null)[]
}

const average = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length

const lastRow = (matrix: AccuracyMatrix): readonly number[] => {
  const row = matrix.at(-1)
  if (row === undefined || row.length === 0) {
    throw new UsageError(
      'matrix-empty',
      'The accuracy matrix has no rows or an empty last row; expected one row a learned task, each with one accuracy a task.',
    )
  }
  return row
}

/** a(t, i), with a message that names the place when it is missing or no fraction. */
const at = (matrix: AccuracyMatrix, t: number, i: number): number => {
  const value = matrix[t]?.[i]
  if (value === undefined || !(value >= 0 && value <= 1)) {
    throw new UsageError(
      'matrix-entry',
      `The accuracy matrix at row ${t}, column ${i} should be a fraction from 0 to 1, but is ${value}. Divide percentages by 100.`,
    )
  }
  return value
}

/** Whether there is a row a task and a row for its past: what forgetting and transfer need. */
const isSequence = (matrix: AccuracyMatrix): boolean => matrix.length === lastRow(matrix).length

/**
 * Average accuracy at the end: mean over i of a(T, i), as a fraction.
 *
 * @throws UsageError `matrix-empty`, `matrix-entry`
 * @example averageAccuracy([[0.9, 0.1], [0.5, 0.9]]) // 0.7
 */
export function averageAccuracy(matrix: AccuracyMatrix): number {
  const row = lastRow(matrix)
  return row.reduce((sum, _, i) => sum + at(matrix, matrix.length - 1, i), 0) / row.length
}

/**
 * Backward transfer: mean over i < T of a(T, i) - a(i, i); negative where learning later tasks hurt the earlier ones
 * (Lopez-Paz & Ranzato 2017). Null for a single task and for a run without one row a task (joint).
 *
 * @example backwardTransfer([[0.9, 0.1], [0.5, 0.9]]) // -0.4
 */
export function backwardTransfer(matrix: AccuracyMatrix): number | null {
  if (!isSequence(matrix)) return null
  const end = matrix.length - 1
  return average(Array.from({ length: end }, (_, i) => at(matrix, end, i) - at(matrix, i, i)))
}

/**
 * Forward transfer: mean over i > 1 of a(i-1, i) - b(i), what a task gains from those before it without being learned
 * (Lopez-Paz & Ranzato 2017). Null for a single task, and where rows stop at their own task.
 *
 * @param initial b(i): accuracies of the untrained model, one a task, as fractions
 * @example forwardTransfer([[0.9, 0.3], [0.5, 0.9]], [0.1, 0.1]) // 0.2
 */
export function forwardTransfer(matrix: AccuracyMatrix, initial: readonly number[]): number | null {
  if (!isSequence(matrix)) return null
  const gains: number[] = []
  for (let i = 1; i < matrix.length; i++) {
    const untrained = initial[i]
    if (untrained === undefined || matrix[i - 1]?.[i] === undefined) return null
    gains.push(at(matrix, i - 1, i) - untrained)
  }
  return average(gains)
}

/**
 * Forgetting: mean over i < T of (max over t < T of a(t, i)) - a(T, i) (Chaudhry et al. 2018). Every earlier row counts
 * as published, so a task that was done better before it was learned is measured from there. This is not -BWT, which
 * measures from a(i, i). Null for a single task and for a run without one row a task (joint).
 *
 * @example forgetting([[0.9, 0.1, 0.1], [0.95, 0.9, 0.1], [0.5, 0.7, 0.9]]) // (0.45 + 0.2) / 2
 */
export function forgetting(matrix: AccuracyMatrix): number | null {
  if (!isSequence(matrix)) return null
  const end = matrix.length - 1
  const falls: number[] = []
  for (let i = 0; i < end; i++) {
    let best = at(matrix, i, i)
    for (let t = 0; t < end; t++)
      if (t >= i || matrix[t]?.[i] !== undefined) best = Math.max(best, at(matrix, t, i))
    falls.push(best - at(matrix, end, i))
  }
  return average(falls)
}

/**
 * Intransigence: mean over k of a*(k) - a(k, k), how much worse a task is learned than joint training learns it
 * (Chaudhry et al. 2018). Null for a run without one row a task (joint itself).
 *
 * @param joint a*(k): accuracy on task k of a model trained on tasks 1..k together, as fractions
 * @throws UsageError `joint-accuracies` when there is not one a task
 * @example intransigence([[0.9, 0.1], [0.5, 0.8]], [0.95, 0.9]) // 0.075
 */
export function intransigence(matrix: AccuracyMatrix, joint: readonly number[]): number | null {
  if (!isSequence(matrix)) return null
  if (joint.length !== matrix.length) {
    throw new UsageError(
      'joint-accuracies',
      `Intransigence needs one accuracy of joint training for each of ${count(matrix.length, 'task')}, but got ${joint.length}.`,
    )
  }
  return average(joint.map((best, k) => best - at(matrix, k, k)))
}

/**
 * Average incremental accuracy: mean over t of the mean of a(t, 1..t), the accuracy on what was seen so far, averaged
 * over the stream (Rebuffi et al. 2017). Null for a run without one row a task (joint).
 *
 * @example averageIncremental([[0.9, 0.1], [0.5, 0.9]]) // (0.9 + 0.7) / 2
 */
export function averageIncremental(matrix: AccuracyMatrix): number | null {
  if (!isSequence(matrix)) return null
  return average(
    matrix.map((_, t) => {
      let sum = 0
      for (let i = 0; i <= t; i++) sum += at(matrix, t, i)
      return sum / (t + 1)
    }),
  )
}

/**
 * Stability gap: the deepest fall of an old task's accuracy while a new one is learned, from what it was when the new
 * one began; max over new tasks k, old tasks i < k and looks during k of a(k-1, i) - accuracy (after De Lange et al.
 * 2023). What is lost for a moment counts though it may come back. Zero where nothing fell; null without looks at old tasks.
 *
 * @param curve looks within training, in any order
 * @example stabilityGap([[0.9, 0], [0.8, 0.9]], [{ step: 5, task: 1, accuracies: [0.4, 0.5] }]) // 0.5
 */
export function stabilityGap(matrix: AccuracyMatrix, curve: readonly CurvePoint[]): number | null {
  if (!isSequence(matrix)) return null
  let deepest: number | null = null
  for (const point of curve) {
    for (let i = 0; i < point.task; i++) {
      const accuracy = point.accuracies[i]
      if (accuracy === undefined || accuracy === null) continue
      deepest = Math.max(deepest ?? 0, at(matrix, point.task - 1, i) - accuracy)
    }
  }
  return deepest
}

/** What `runMetrics` computes: fractions, null where the run does not define the figure. */
export interface RunMetrics {
  readonly averageAccuracy: number
  readonly forgetting: number | null
  readonly backwardTransfer: number | null
  readonly forwardTransfer: number | null
  readonly averageIncremental: number | null
  readonly intransigence: number | null
  readonly stabilityGap: number | null
}

/**
 * All figures of one run at once.
 *
 * @param run `initial`: accuracies of the untrained model; `joint`: a*(k), see `intransigence`; `curve`: see `stabilityGap`
 * @example runMetrics({ matrix: [[0.9, 0.1], [0.5, 0.9]], initial: [0.1, 0.1] }).averageAccuracy // 0.7
 */
export function runMetrics(run: {
  readonly matrix: AccuracyMatrix
  readonly initial: readonly number[]
  readonly joint?: readonly number[]
  readonly curve?: readonly CurvePoint[]
}): RunMetrics {
  const { matrix, initial, joint, curve } = run
  return {
    averageAccuracy: averageAccuracy(matrix),
    forgetting: forgetting(matrix),
    backwardTransfer: backwardTransfer(matrix),
    forwardTransfer: forwardTransfer(matrix, initial),
    averageIncremental: averageIncremental(matrix),
    intransigence: joint === undefined ? null : intransigence(matrix, joint),
    stabilityGap: curve === undefined ? null : stabilityGap(matrix, curve),
  }
}
