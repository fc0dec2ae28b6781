import { concatenate, type Dataset } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'

/**
 * What a model is told about the task at test time (van de Ven, Tuytelaars & Tolias 2022, https://doi.org/10.1038/s42256-022-00568-3):
 * - `task`: which task it is; each task has its own head, its own output units;
 * - `domain`: nothing, and it need not know: all tasks share the output units;
 * - `class`: nothing, and it has to find out: one output over the classes of all tasks.
 */
export type Scenario = 'task' | 'domain' | 'class'

/** One task of a stream. Labels of its data are output units, and `classes` names every output unit of the stream. */
export interface Task {
  readonly index: number
  readonly name: string
  /** Made when asked for, and again when it has been let go meanwhile: keep it in a variable while it is needed. */
  readonly train: Dataset
  /** As `train`. */
  readonly test: Dataset
  /**
   * The output units of this task's classes, ascending. In the task scenario the softmax runs over these alone; in the class
   * scenario over all units of the stream from the start, whatever these are; in the domain scenario these are all units.
   */
  readonly units: readonly number[]
  /** Rows of `train` in the order in which they are met, batch after batch. Default: each pass in another order. */
  readonly order?: Int32Array | undefined
}

/** Tasks in the order in which they are learned. */
export interface TaskStream {
  /** 'split MNIST', 'permuted synthetic digits', ... */
  readonly name: string
  readonly scenario: Scenario
  /** Number of output units that a model for the whole stream needs. */
  readonly outputs: number
  readonly tasks: readonly Task[]
  /** Where the data come from; `synthetic` is shown wherever results are shown. */
  readonly dataset: { readonly name: string; readonly synthetic: boolean }
  /** Where nobody is told when a task ends: `tasks` are then pieces of equal length, each tested on the task of its place. */
  readonly untold?: Untold | undefined
}

/** What lies behind a stream without borders. */
export interface Untold {
  /** The tasks that its rows are of. */
  readonly tasks: readonly Task[]
  /** How many rows are met before each task begins, in the middle of its border. */
  readonly onsets: readonly number[]
  /** How many tasks have rows in pieces 0 to `index`. */
  readonly begun: (index: number) => number
}

/**
 * A task whose data are made on demand. Only a weak reference is kept, so that a stream of twenty permutations of MNIST
 * takes the memory of those in use. `make` has to give the same data each time.
 */
export function lazyTask(
  parts: Pick<Task, 'index' | 'name' | 'units'> & {
    train: () => Dataset
    test: () => Dataset
    order?: (() => Int32Array) | undefined
  },
): Task {
  const train = remembered(parts.train)
  const test = remembered(parts.test)
  const order = parts.order && remembered(parts.order)
  return {
    index: parts.index,
    name: parts.name,
    units: parts.units,
    get train() {
      return train()
    },
    get test() {
      return test()
    },
    get order() {
      return order?.()
    },
  }
}

function remembered<T extends Dataset | Int32Array>(make: () => T): () => T {
  let reference: WeakRef<T> | undefined
  return () => {
    const kept = reference?.deref()
    if (kept) return kept
    const made = make()
    reference = new WeakRef(made)
    return made
  }
}

/**
 * The training data of tasks 0 to `index`, together, for training on everything seen so far (the upper bound).
 *
 * @throws UsageError `task-index` when there is no such task; DataError `data-mismatch` when the tasks' inputs differ in kind.
 */
export function jointUpTo(stream: TaskStream, index: number): Dataset {
  if (!Number.isInteger(index) || index < 0 || index >= stream.tasks.length) {
    throw new UsageError(
      'task-index',
      `Stream '${stream.name}' has tasks 0 to ${stream.tasks.length - 1}, but task ${index} was asked for.`,
    )
  }
  return concatenate(
    tasksUpTo(stream, index).map((task) => task.train),
    `${stream.name}, tasks 0 to ${index}`,
  )
}

/** The tasks that have begun when task or piece `index` ends. */
export const tasksUpTo = ({ tasks, untold }: TaskStream, index: number): readonly Task[] =>
  untold ? untold.tasks.slice(0, untold.begun(index)) : tasks.slice(0, index + 1)

export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)
}

/** A stream's number of tasks, checked. */
export function checkTasks(tasks: number): number {
  if (!Number.isInteger(tasks) || tasks < 1) {
    throw new UsageError(
      'task-count',
      `A stream has a whole number of tasks from 1 on, but ${tasks} were asked for.`,
    )
  }
  return tasks
}
