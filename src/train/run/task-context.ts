import { samples } from '../../data/dataset.ts'
import type { TaskContext } from '../../methods/method.ts'
import { itemAt } from '../../required.ts'
import { jointUpTo, type TaskStream } from '../../tasks/stream.ts'

/** A stream's task as methods see it. */
export function taskContext(stream: TaskStream, index: number, batchSize: number): TaskContext {
  const task = itemAt(stream.tasks, index, `task of the stream "${stream.name}"`)
  return {
    scenario: stream.scenario,
    index,
    outputs: stream.outputs,
    units: stream.tasks.map(({ units }) => units),
    active: stream.scenario === 'task' ? task.units : undefined,
    // Data may be made on demand: a method that only asks which units there are makes none.
    get train() {
      return task.train
    },
    seen: () => ({
      dataset: jointUpTo(stream, index),
      tasks: Int32Array.from(
        stream.tasks
          .slice(0, index + 1)
          .flatMap(({ train }, at) => new Array<number>(samples(train)).fill(at)),
      ),
    }),
    batchSize,
  }
}
