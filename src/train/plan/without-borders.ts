import { samples } from '../../data/dataset.ts'
import { UsageError } from '../../errors.ts'
import { whyBorders } from '../../methods/borders.ts'
import type { Method } from '../../methods/method.ts'
import { itemAt } from '../../required.ts'
import { type Border, type TaskStream, untoldStream } from '../../tasks/index.ts'
import type { RunPlan } from './plan.ts'

/** @throws UsageError `method-borders` for a method that goes by where tasks end. */
export function refuseBorders(method: Method): void {
  const reason = whyBorders(method)
  if (reason === undefined) return
  throw new UsageError(
    'method-borders',
    `The method ${method.name} cannot learn a stream whose borders nobody tells (stream.borders, --border-width). ${reason}`,
  )
}

/** The rows of all tasks in one order: so many steps a task, or each row so often as there are passes. */
export function withoutBorders(
  { stream, epochs, batchSize, seed }: RunPlan,
  border: Border,
  tasks: TaskStream,
  iterations: number,
): TaskStream {
  const counts = rowCounts(stream, tasks)
  const piece = iterations * batchSize
  const draws = counts.map((rows) => (epochs === undefined ? piece : epochs * rows))
  return untoldStream(tasks, { ...border, counts, draws, piece, seed })
}

/** Rows of each task. Permuted and rotated tasks are all of one size, and dear to make. */
export function rowCounts({ kind }: RunPlan['stream'], { tasks }: TaskStream): readonly number[] {
  if (kind !== 'permuted' && kind !== 'rotated') return tasks.map(({ train }) => samples(train))
  const first = samples(itemAt(tasks, 0, 'task').train)
  return tasks.map(() => first)
}
