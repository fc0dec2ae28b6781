import type { ResultGroup, RunResult } from '../../measure/results.ts'
import { mean } from '../../measure/statistics.ts'
import { itemAt } from '../../required.ts'

/** Mean over the runs that have a value; null where none has. */
const meanOf = (values: readonly (number | null | undefined)[]): number | null => {
  const present = values.filter((value) => value !== null && value !== undefined)
  return present.length === 0 ? null : mean(present)
}

/** The accuracy matrix averaged over seeds, entry by entry. */
export function meanMatrix(runs: readonly RunResult[]): (number | null)[][] {
  const first = runs[0]?.matrix ?? []
  return first.map((row, t) => row.map((_, i) => meanOf(runs.map((run) => run.matrix[t]?.[i]))))
}

/** Whether nobody told its methods where tasks end. */
export const withoutBorders = ({ runs }: ResultGroup): boolean =>
  runs.some(({ anytimeAccuracy }) => anytimeAccuracy !== undefined)

/** What was learned last before each row of a matrix. */
export function rowNames(group: ResultGroup, rows: number, tasks: readonly string[]): readonly string[] {
  if (withoutBorders(group)) return Array.from({ length: rows }, () => 'the end')
  return rows === 1 && tasks.length > 1 ? ['everything'] : tasks.slice(0, rows)
}

/** One task's accuracy over time. */
export interface TaskSeries {
  readonly task: number
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

/** What a plot of accuracy over time shows. */
export interface TimeSeries {
  /** What x counts. */
  readonly unit: 'steps' | 'tasks'
  readonly end: number
  /** Where each task's learning ends, in x. */
  readonly borders: readonly number[]
  readonly series: readonly TaskSeries[]
}

interface Look {
  readonly x: number
  readonly task: number
  readonly accuracies: readonly (number | null)[]
}

function looksOf(group: ResultGroup, tasks: number): { unit: TimeSeries['unit']; looks: Look[] } {
  const bySteps = new Map<number, { task: number; rows: (readonly (number | null)[])[] }>()
  for (const run of group.runs) {
    for (const point of run.curve ?? []) {
      const look = bySteps.get(point.step) ?? { task: point.task, rows: [] }
      look.rows.push(point.accuracies)
      bySteps.set(point.step, look)
    }
  }
  const columns = Array.from({ length: tasks }, (_, i) => i)
  if (bySteps.size > 1) {
    const looks = [...bySteps].map(([x, { task, rows }]) => ({
      x,
      task,
      accuracies: columns.map((i) => meanOf(rows.map((row) => row[i]))),
    }))
    return { unit: 'steps', looks: looks.sort((a, b) => a.x - b.x) }
  }
  const before = columns.map((i) => meanOf(group.runs.map((run) => run.initial[i])))
  const looks = meanMatrix(group.runs).map((accuracies, t) => ({ x: t + 1, task: t, accuracies }))
  return { unit: 'tasks', looks: [{ x: 0, task: 0, accuracies: before }, ...looks] }
}

/**
 * Accuracy of each task over time, mean of the seeds: by step where the runs kept a curve, else after each task. A task's
 * line begins where its learning does; where everything was learned at once all begin at the start.
 */
export function timeSeries(group: ResultGroup, tasks: number): TimeSeries {
  const { unit, looks } = looksOf(group, tasks)
  const atOnce = itemAt(group.runs, 0, 'run').matrix.length < tasks
  const end = looks.at(-1)?.x ?? 1
  const borders = Array.from({ length: atOnce ? 1 : tasks }, (_, t) =>
    atOnce ? end : Math.max(0, ...looks.filter((look) => look.task <= t).map((look) => look.x)),
  )
  const series = Array.from({ length: tasks }, (_, task) => {
    const begin = atOnce || task === 0 ? 0 : (borders[task - 1] ?? 0)
    const points = looks.flatMap(({ x, accuracies }) => {
      const y = accuracies[task] ?? null
      return x >= begin && y !== null ? [{ x, y }] : []
    })
    return { task, points }
  })
  return { unit, end, borders, series }
}

/** At most `most` of the values, evenly spread, the first and the last among them. */
export function thin<T>(values: readonly T[], most: number): T[] {
  if (values.length <= most) return [...values]
  const kept = new Set(
    Array.from({ length: most }, (_, k) => Math.round((k * (values.length - 1)) / Math.max(1, most - 1))),
  )
  return values.filter((_, n) => kept.has(n))
}
