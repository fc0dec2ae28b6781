import { concatenate, type Dataset, subset } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { largest } from '../extent.ts'
import { itemAt } from '../required.ts'
import { type MixOptions, mixRows } from './mix.ts'
import { lazyTask, range, type Task, type TaskStream } from './stream.ts'

export interface UntoldOptions extends MixOptions {
  /** Rows of a piece; of those that are left at the stream's end none is met. */
  readonly piece: number
}

/**
 * A stream whose learner is not told where tasks end, and in which rows of two tasks may mix around each border. It is cut into as many
 * pieces of equal length as there are tasks, which say nothing of these: after each all tasks are tested. Rows of each task come in
 * shuffled passes; with as many draws as rows each is met once.
 *
 * Where tasks have output units of their own, the softmax goes over all units from the start: that a class is to come is no more told
 * than when.
 *
 * @throws UsageError `borders-scenario` for the task scenario, in which a row's task is told; `borders-rows` for too few rows.
 * @example
 * const online = untoldStream(split, { width: 0.5, shape: 'linear', counts: [500, 500], draws: [500, 500], piece: 500, seed: 1 })
 */
export function untoldStream(stream: TaskStream, options: UntoldOptions): TaskStream {
  const { piece, draws } = options
  const { tasks } = stream
  if (stream.scenario === 'task') {
    throw new UsageError(
      'borders-scenario',
      'In the task scenario the task of each row is told, and with it every border. Without borders take the class or the domain scenario.',
    )
  }
  const total = draws.reduce((sum, count) => sum + count, 0)
  const empty = options.counts.some((count) => count < 1)
  if (empty || !Number.isInteger(piece) || piece < 1 || piece * tasks.length > total) {
    throw new UsageError(
      'borders-rows',
      `Stream '${stream.name}' has tasks of ${options.counts.join(', ')} rows and meets ${total} of them, which make no ${tasks.length} pieces of ${piece}. Give more rows, or smaller batches.`,
    )
  }
  let mixed: Int32Array | undefined
  const all = (): Int32Array => {
    mixed ??= mixRows(options)
    return mixed
  }
  const rowsOf = (index: number) => all().subarray(index * piece, (index + 1) * piece)
  const starts = startsOf(options.counts)
  return {
    ...stream,
    tasks: tasks.map((task) =>
      lazyTask({
        index: task.index,
        name: task.name,
        units: range(0, stream.outputs),
        train: () => pieceOf(tasks, starts, firstMet(rowsOf(task.index))),
        order: () => placesIn(rowsOf(task.index)),
        test: () => task.test,
      }),
    ),
    untold: {
      tasks,
      onsets: startsOf(draws).slice(0, -1),
      begun: (index) => {
        const last = largest(all().subarray(0, (index + 1) * piece))
        return starts.filter((start) => start <= last).length
      },
    },
  }
}

/** Where each of some parts begins, and where the last ends. */
function startsOf(counts: readonly number[]): number[] {
  const starts = [0]
  for (const count of counts) starts.push(itemAt(starts, starts.length - 1, 'start') + count)
  return starts
}

/** The different rows, in the order in which they are met first. */
const firstMet = (rows: Int32Array): Int32Array => Int32Array.from(new Set(rows))

/** For each row met, its place among the different ones. */
function placesIn(rows: Int32Array): Int32Array {
  const places = new Map<number, number>()
  return rows.map((row) => {
    const place = places.get(row) ?? places.size
    places.set(row, place)
    return place
  })
}

/** Rows of several tasks, in an order. */
function pieceOf(tasks: readonly Task[], starts: readonly number[], rows: Int32Array): Dataset {
  const parts: Dataset[] = []
  const behind = new Map<number, number>()
  for (const task of tasks) {
    const [from, to] = [itemAt(starts, task.index, 'start'), itemAt(starts, task.index + 1, 'start')]
    const own = rows.filter((row) => row >= from && row < to)
    if (own.length === 0) continue
    for (const row of own) behind.set(row, behind.size)
    parts.push(
      subset(
        task.train,
        own.map((row) => row - from),
      ),
    )
  }
  const order = rows.map((row) => behind.get(row) ?? 0)
  const joined = concatenate(parts)
  return order.every((place, at) => place === at) ? joined : subset(joined, order)
}
