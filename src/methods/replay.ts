import { type Dataset, kindOf, type Preprocessing, samples } from '../data/dataset.ts'
import { chooseBalanced } from '../data/memory/index.ts'
import { concatenateRows, takeRows } from '../data/rows.ts'
import { UsageError } from '../errors.ts'
import type { RandomStream } from '../tensor/random.ts'
import type { BatchSource, Json, Method, MethodState, TaskContext } from './method.ts'
import { emptyReservoir, type ReservoirState, readReservoir, reservoirSampler } from './reservoir.ts'

export interface ReplayOptions {
  /** Exemplars kept a class, chosen at random at each task's end. Default 100. */
  readonly perClass?: number
  /** Instead: one memory of this many samples for the whole stream, filled online by reservoir sampling. */
  readonly capacity?: number
  /** Replayed rows a step; default as many as new ones. */
  readonly batchSize?: number
  /** The new data's share of the loss at the k-th task (counted from 1). Default 1/k; 1/2 for the online reservoir. */
  readonly newShare?: (task: number) => number
}

/**
 * Experience replay: stored examples are mixed into every batch (Rolnick et al. 2019; Chaudhry et al. 2019).
 *
 * With `perClass`, the protocol of van de Ven et al. 2022: exemplars chosen at random at a task's end, loss 1/k L_new +
 * (1 - 1/k) L_replay; task-incremental streams replay ceil(batch / (k - 1)) rows of each past task, each with its own
 * head. With `capacity`, an online reservoir that never needs to know where a task ends.
 *
 * @throws UsageError `replay-memory` for a memory of no samples, or both kinds at once.
 * @example
 * const method = replay({ perClass: 100 })
 */
export function replay(options: ReplayOptions = {}): Method {
  const { perClass, capacity } = options
  if (perClass !== undefined && capacity !== undefined) {
    throw new UsageError(
      'replay-memory',
      'Replay keeps either a number of samples per class or a reservoir of a capacity, not both.',
    )
  }
  const size = capacity ?? perClass ?? 100
  if (!(Number.isInteger(size) && size >= 1)) {
    throw new UsageError('replay-memory', `Replay's memory must hold at least 1 sample; ${size} was given.`)
  }
  return capacity === undefined ? balanced(size, options) : online(size, options)
}

function balanced(perClass: number, options: ReplayOptions): Method {
  return {
    name: 'replay',
    settings: { perClass, batchSize: options.batchSize ?? null },
    sources: (sources, state, task) => {
      const memory = memoryOf(state, task)
      if (!memory) return sources
      const share = options.newShare?.(task.index + 1) ?? 1 / (task.index + 1)
      return [
        ...weighted(sources, share),
        ...replayed(memory, task, options.batchSize ?? task.batchSize, 1 - share),
      ]
    },
    consolidate: async (state, context) => {
      const rows = exemplars(context.train, perClass, context.random('exemplars'))
      return remember(state, context.train, rows, context.index)
    },
  }
}

function online(capacity: number, options: ReplayOptions): Method {
  const reservoirOf = (state: MethodState): ReservoirState =>
    state.values.reservoir === undefined ? emptyReservoir : readReservoir(state.values.reservoir)
  return {
    name: 'reservoir-replay',
    settings: { capacity, batchSize: options.batchSize ?? null },
    sources: (sources, state, task) => {
      const memory = memoryOf(state, task)
      const share = options.newShare?.(task.index + 1) ?? 0.5
      const size = options.batchSize ?? task.batchSize
      // Before anything is remembered the source still needs rows of the right kind to stand on: the new data's own.
      const source: BatchSource = {
        name: 'replay',
        ...(memory ?? { dataset: rowsOf(task.train, Int32Array.of(0)), tasks: task.index }),
        size,
        weight: 1 - share,
        sampler: reservoirSampler(capacity, size, task.batchSize, reservoirOf(state)),
      }
      return [...weighted(sources, share), source]
    },
    consolidate: async (state, context) => {
      const reservoir = readReservoir(context.samplers.replay ?? null)
      return keepReservoir(state, reservoir, context)
    },
  }
}

const weighted = (sources: readonly BatchSource[], share: number): BatchSource[] =>
  sources.map((source) => ({ ...source, weight: source.weight * share }))

interface Memory {
  readonly dataset: Dataset
  readonly tasks: Int32Array
}

/** The exemplars as a data set like the task's own; undefined before there are any. */
function memoryOf(state: MethodState, { train }: Pick<TaskContext, 'train'>): Memory | undefined {
  const inputs = state.tensors.get('memory/inputs')
  const labels = state.tensors.get('memory/labels')
  const tasks = state.tensors.get('memory/tasks')
  if (!inputs || !labels || !tasks) return undefined
  // As the rows were stored: data that are to be normalised otherwise cannot stand beside them, and the pool says so.
  const preprocessing = (state.values.preprocessing ?? train.preprocessing) as unknown as Preprocessing
  return {
    dataset: { ...train, name: 'memory', inputs, labels: labels as Dataset['labels'], preprocessing },
    tasks: tasks.data as Int32Array,
  }
}

function replayed(memory: Memory, task: TaskContext, size: number, share: number): BatchSource[] {
  const count = samples(memory.dataset)
  if (task.stream.scenario !== 'task') {
    return [{ name: 'replay', ...memory, size: Math.min(size, count), weight: share }]
  }
  const each = task.index > 1 ? Math.ceil(size / task.index) : size
  return Array.from({ length: task.index }, (_, past) => {
    const rows = Int32Array.from(memory.tasks.keys()).filter((row) => memory.tasks[row] === past)
    return {
      name: `replay/${past}`,
      dataset: rowsOf(memory.dataset, rows),
      tasks: past,
      size: Math.min(each, rows.length),
      weight: share / task.index,
    }
  }).filter((source) => source.size > 0)
}

const rowsOf = (dataset: Dataset, rows: Int32Array): Dataset => ({
  ...dataset,
  inputs: takeRows(dataset.inputs, rows),
  labels: takeRows<'int32' | 'float32'>(dataset.labels, rows) as Dataset['labels'],
})

/** Up to `perClass` samples of each class at random; rows without one class each count as one class. */
function exemplars(dataset: Dataset, perClass: number, random: RandomStream): Int32Array {
  if (kindOf(dataset) === 'classification') return chooseBalanced(dataset, perClass, random)
  return random.choose(samples(dataset), Math.min(perClass, samples(dataset)))
}

/** The memory with these rows of the task's data added. */
function remember(state: MethodState, train: Dataset, rows: Int32Array, task: number): MethodState {
  const before = memoryOf(state, { train })
  const added = rowsOf(train, rows)
  const tasks = new Int32Array(rows.length).fill(task)
  return {
    tensors: new Map([
      ['memory/inputs', before ? concatenateRows([before.dataset.inputs, added.inputs]) : added.inputs],
      [
        'memory/labels',
        before ? concatenateRows<'int32' | 'float32'>([before.dataset.labels, added.labels]) : added.labels,
      ],
      ['memory/tasks', taskTensor(before ? Int32Array.from([...before.tasks, ...tasks]) : tasks)],
    ]),
    values: { preprocessing: (before?.dataset ?? train).preprocessing as unknown as Json },
  }
}

const taskTensor = (data: Int32Array) => ({ type: 'int32' as const, dims: [data.length], data })

/** Copies what the reservoir's slots point at, so that the old data may go. */
function keepReservoir(
  state: MethodState,
  reservoir: ReservoirState,
  { train, index }: { readonly train: Dataset; readonly index: number },
): MethodState {
  const before = memoryOf(state, { train })
  const old = reservoir.slots.filter((slot) => slot < 0).map((slot) => -slot - 1)
  const fresh = reservoir.slots.filter((slot) => slot >= 0)
  const kept = before && {
    ...rowsOf(before.dataset, Int32Array.from(old)),
    tasks: Int32Array.from(old, (row) => before.tasks[row] ?? 0),
  }
  const added = remember(
    kept
      ? {
          tensors: new Map([
            ['memory/inputs', kept.inputs],
            ['memory/labels', kept.labels],
            ['memory/tasks', taskTensor(kept.tasks)],
          ]),
          values: { preprocessing: kept.preprocessing as unknown as Json },
        }
      : { tensors: new Map(), values: {} },
    train,
    Int32Array.from(fresh),
    index,
  )
  const slots = reservoir.slots.map((_, slot) => -slot - 1)
  return {
    ...added,
    values: {
      ...added.values,
      reservoir: { sampling: reservoir.sampling, slots, random: null } as unknown as Json,
    },
  }
}
