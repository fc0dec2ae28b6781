import { type Dataset, samples, subset } from '../../data/dataset.ts'
import { TrainingError, UsageError } from '../../errors.ts'
import { itemAt, required } from '../../required.ts'
import { lazyTask, type Task, type TaskStream } from '../../tasks/stream.ts'
import { type RandomStream, randomStream } from '../../tensor/random.ts'

export interface EarlyStopping {
  /** Rows held out from each task's training data to measure the loss on, a share in 0..1; of texts whole documents. Default 0.1. */
  readonly share?: number
  /** Steps between looks. Default 100. */
  readonly every?: number
  /** Looks without improvement before the task is ended. Default 5. */
  readonly patience?: number
}

/** A stream without its held-out rows, and these. */
export interface HeldOut {
  /** The stream to learn from: methods keep exemplars of these rows only, and estimate importance on them. */
  readonly stream: TaskStream
  /** The rows to measure on, by task. */
  readonly validation: (index: number) => Dataset
  readonly every: number
  readonly patience: number
}

/**
 * Takes a share of each task's training rows out, chosen at random; the others keep their order.
 *
 * @throws UsageError `early-stopping` for values that make no sense.
 * @example
 * const { stream, validation } = holdOut(whole, { share: 0.1 }, seed)
 */
export function holdOut(stream: TaskStream, options: EarlyStopping, seed: number): HeldOut {
  const { share = 0.1, every = 100, patience = 5 } = options
  if (!(share > 0 && share < 1) || !isCount(every) || !isCount(patience)) {
    throw new UsageError(
      'early-stopping',
      `Early stopping takes a share in 0..1, and whole numbers from 1 on for every and patience; found share ${share}, every ${every}, patience ${patience}.`,
    )
  }
  const split = (task: Task) => {
    const { train } = task
    const count = samples(train)
    const out = Math.max(1, Math.round(share * count))
    if (out >= count) {
      throw new UsageError(
        'early-stopping',
        `Early stopping holds out ${out} of the ${count} training rows of task "${task.name}", and nothing is left to learn from.`,
      )
    }
    const random = randomStream(seed, `held-out/${task.index}`)
    const chosen = train.documents
      ? rowsOfDocuments(train.documents.of, out, random, task.name)
      : new Set(random.choose(count, out))
    const rows = Int32Array.from({ length: count }, (_, row) => row)
    return {
      train,
      kept: rows.filter((row) => !chosen.has(row)),
      held: rows.filter((row) => chosen.has(row)),
    }
  }
  const part = (task: Task, which: 'kept' | 'held') => {
    const found = split(task)
    return subset(found.train, found[which])
  }
  return {
    stream: {
      ...stream,
      tasks: stream.tasks.map((task) =>
        lazyTask({
          index: task.index,
          name: task.name,
          units: task.units,
          train: () => part(task, 'kept'),
          test: () => task.test,
        }),
      ),
    },
    validation: (index) => {
      const task = stream.tasks[index]
      if (!task) throw new TrainingError('no-such-task', `The stream "${stream.name}" has no task ${index}.`)
      return part(task, 'held')
    },
    every,
    patience,
  }
}

/** Rows of whole documents, at least so many: what a document's other rows say of it is not to be learned. */
function rowsOfDocuments(
  of: Int32Array,
  least: number,
  random: RandomStream,
  task: string,
): ReadonlySet<number> {
  const rowsIn = new Map<number, number>()
  for (const document of of) rowsIn.set(document, (rowsIn.get(document) ?? 0) + 1)
  const documents = [...rowsIn.keys()]
  const held = new Set<number>()
  let rows = 0
  for (const place of random.permutation(documents.length)) {
    if (rows >= least) break
    const document = itemAt(documents, place, 'document')
    held.add(document)
    rows += required(rowsIn, document, 'rows of document')
  }
  if (held.size < documents.length) return new Set([...of.keys()].filter((row) => held.has(of[row] ?? -1)))
  throw new UsageError(
    'early-stopping',
    `Early stopping holds out whole documents, and task "${task}" has ${documents.length}: nothing is left to learn from. Give more documents, or no early stopping.`,
  )
}

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1
