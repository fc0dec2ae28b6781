import { samples, subset } from '../../data/dataset.ts'
import { UsageError } from '../../errors.ts'
import { lazyTask, type Task, type TaskStream } from '../../tasks/stream.ts'
import { randomStream } from '../../tensor/random.ts'

/** One of several that train together; counted from 0. */
export interface Seat {
  readonly replica: number
  readonly of: number
}

/**
 * The stream as one replica sees it. The rows of each task are put into an order drawn from the run's seed and dealt one at a time, so
 * shares are disjoint, hold all rows together, and differ by one row at most; each keeps its rows in the order of the data. A single
 * replica has the stream as it is. Test parts are whole.
 *
 * @throws UsageError `replicas-rows` where a task has fewer rows than there are replicas.
 */
export function shareOf(stream: TaskStream, { replica, of }: Seat, seed: number): TaskStream {
  if (of === 1) return stream
  const share = (task: Task) => {
    const { train } = task
    const rows = samples(train)
    if (rows < of) {
      throw new UsageError(
        'replicas-rows',
        `Task "${task.name}" has ${rows} training rows, too few for ${of} replicas with rows of their own. Take fewer replicas.`,
      )
    }
    const order = randomStream(seed, `share/${task.index}`).permutation(rows)
    return subset(train, order.filter((_, place) => place % of === replica).sort())
  }
  return {
    ...stream,
    tasks: stream.tasks.map((task) =>
      lazyTask({
        ...{ index: task.index, name: task.name, units: task.units },
        ...{ train: () => share(task), test: () => task.test },
      }),
    ),
  }
}

/** The seed of what a replica draws: batches, dropout, augmentation. The first has the run's own. */
export const seedOf = (seed: number, { replica }: Pick<Seat, 'replica'>): number =>
  replica === 0 ? seed : randomStream(seed, `replica/${replica}`).integer(2 ** 32)
