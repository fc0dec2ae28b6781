import { UsageError } from '../errors.ts'
import type { TaskContext } from './method.ts'

/** @throws UsageError `METHOD-scenario` for a method that has a model for each task, where nobody says which task a row is of. */
export function refuseUntold(method: string, { scenario }: TaskContext): void {
  if (scenario === 'task') return
  throw new UsageError(
    `${method}-scenario`,
    `${method} answers each task by a model of its own, so a row's task has to be told (the task scenario); in the ${scenario} scenario it is not. Take a method that has one model, such as ewc or replay.`,
  )
}
