import { concatenate, type Dataset, samples, subset } from '../../data/dataset.ts'
import type { TaskContext } from '../../methods/method.ts'
import { itemAt } from '../../required.ts'
import { jointUpTo, type TaskStream, tasksUpTo } from '../../tasks/stream.ts'
import type { GivenPast } from './options.ts'

/** A stream's task as methods see it: behind what the model had learned before, where there is such a past. */
export function taskContext(
  stream: TaskStream,
  index: number,
  batchSize: number,
  past?: GivenPast | undefined,
  unlabelled?: Dataset | undefined,
): TaskContext {
  const task = itemAt(stream.tasks, index, `task of the stream "${stream.name}"`)
  const before = past ? 1 : 0
  return {
    ...common(stream, batchSize, past),
    index: index + before,
    ...(unlabelled && { unlabelled }),
    active: stream.scenario === 'task' ? task.units : undefined,
    // Data may be made on demand: a method that only asks which units there are makes none.
    get train() {
      return task.train
    },
    get order() {
      return task.order
    },
    seen: () => {
      const parts = tasksUpTo(stream, index).map(({ train }) => samples(train))
      const old = past?.train
      const counts = old ? [samples(old), ...parts] : parts
      const first = old ? 0 : before
      const joint = jointUpTo(stream, index)
      return {
        dataset: old ? concatenate([old, joint]) : joint,
        tasks: Int32Array.from(counts.flatMap((rows, at) => new Array<number>(rows).fill(first + at))),
      }
    },
  }
}

/** What the model had learned before, as methods see it: task 0. */
export function pastContext(stream: TaskStream, batchSize: number, past: GivenPast): TaskContext {
  const train = past.train ?? noRows(itemAt(stream.tasks, 0, 'task').train)
  return {
    ...common(stream, batchSize, past),
    index: 0,
    // Units that were added to its head took no part in its softmax.
    active: past.units.length < stream.outputs ? past.units : undefined,
    train,
    seen: () => ({ dataset: train, tasks: new Int32Array(samples(train)) }),
  }
}

const common = ({ scenario, outputs, tasks }: TaskStream, batchSize: number, past?: GivenPast) => ({
  ...{ scenario, outputs, batchSize },
  given: past !== undefined,
  units: [...(past ? [past.units] : []), ...tasks.map(({ units }) => units)],
})

const noRows = (dataset: Dataset): Dataset => subset(dataset, new Int32Array())
