import type { LearnOptions } from './options.ts'

/**
 * How many tasks of a stream have been seen after so many steps of a task, counted from 0, that is being trained. Where borders are not
 * told a task counts from the middle of the border that it begins with.
 */
export function tasksSeen(
  { stream, iterations, batchSize }: Pick<LearnOptions, 'stream' | 'iterations' | 'batchSize'>,
  { task, step }: { readonly task: number; readonly step: number },
): number {
  const { untold } = stream
  if (!untold) return task + 1
  const met = (task * iterations + step) * batchSize
  return untold.onsets.filter((onset, at) => at === 0 || onset < met).length
}
