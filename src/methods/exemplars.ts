import { type Dataset, kindOf, type Preprocessing, samples, subset } from '../data/dataset.ts'
import { chooseBalanced } from '../data/memory/index.ts'
import { concatenateRows } from '../data/rows.ts'
import { datasetInMemory } from '../data/spilled-rows.ts'
import { itemAt } from '../required.ts'
import type { RandomStream } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { BatchSource, ConsolidateContext, Json, Method, MethodState, TaskContext } from './method.ts'

/** Rows of past tasks, and the task of each. */
export interface Memory {
  readonly dataset: Dataset
  readonly tasks: Int32Array
}

/** The memory in a method's state, as a data set like the task's own; undefined before there is one. */
export function memoryOf(state: MethodState, { train }: Pick<TaskContext, 'train'>): Memory | undefined {
  const inputs = state.tensors.get('memory/inputs')
  const labels = state.tensors.get('memory/labels')
  const tasks = state.tensors.get('memory/tasks')
  if (!inputs || !labels || !tasks) return undefined
  // As the rows were stored: data that are to be normalised otherwise cannot stand beside them, and the pool says so.
  const preprocessing = (state.values.preprocessing ?? train.preprocessing) as unknown as Preprocessing
  return {
    dataset: {
      ...train,
      ...{ name: 'memory', inputs, labels: labels as Dataset['labels'], preprocessing },
      documents: undefined,
    },
    tasks: tasks.data as Int32Array,
  }
}

/** A memory as a method's state. */
export function memoryState({ dataset, tasks }: Memory): MethodState {
  const { inputs, labels } = datasetInMemory(dataset)
  return {
    tensors: new Map<string, Tensor>([
      ['memory/inputs', inputs],
      ['memory/labels', labels],
      ['memory/tasks', { type: 'int32', dims: [tasks.length], data: tasks }],
    ]),
    values: { preprocessing: dataset.preprocessing as unknown as Json },
  }
}

/** The memory with rows of a task's data behind its own. */
export function withRows(before: Memory | undefined, train: Dataset, rows: Int32Array, task: number): Memory {
  const added = rowsOf(train, rows)
  const tasks = new Int32Array(rows.length).fill(task)
  if (!before) return { dataset: added, tasks }
  const { inputs, labels } = before.dataset
  return {
    dataset: {
      ...before.dataset,
      inputs: concatenateRows([inputs, added.inputs]),
      labels: concatenateRows<'int32' | 'float32'>([labels, added.labels]) as Dataset['labels'],
    },
    tasks: Int32Array.from([...before.tasks, ...tasks]),
  }
}

/** All rows of the memory in a state, then all of a task. */
export const rememberedAndNew = (
  state: MethodState,
  { train, index }: Pick<TaskContext, 'train' | 'index'>,
): Memory =>
  withRows(
    memoryOf(state, { train }),
    train,
    Int32Array.from({ length: samples(train) }, (_, row) => row),
    index,
  )

/** Whether a method rehearses rows that it remembers. */
export const rehearses = ({ sources, past }: Pick<Method, 'sources' | 'past'>): boolean =>
  sources !== undefined && past === 'rows'

/** Some rows of a memory, in the order given. */
export const someOf = ({ dataset, tasks }: Memory, rows: Int32Array): Memory => ({
  dataset: rowsOf(dataset, rows),
  tasks: rows.map((row) => itemAt(tasks, row, 'task of row')),
})

/** Rows of a memory; which documents rows of texts were of is not kept. */
export const rowsOf = (dataset: Dataset, rows: Int32Array): Dataset => ({
  ...subset(dataset, rows),
  documents: undefined,
})

/** How much of a task is kept when it ends: where `perTask` is given so many rows in all, else so many of each class. */
interface Kept {
  readonly perClass: number
  readonly perTask?: number | undefined
}

/** Of these settings the one that counts. */
export const memorySettings = ({ perClass, perTask }: Kept): { readonly [key: string]: Json } =>
  perTask === undefined ? { perClass } : { perTask }

/** As many samples as are kept, at random; rows without one class each count as one class. */
function chooseExemplars(dataset: Dataset, { perClass, perTask }: Kept, random: RandomStream): Int32Array {
  if (perTask === undefined && kindOf(dataset) === 'classification')
    return chooseBalanced(dataset, perClass, random)
  return random.choose(samples(dataset), Math.min(perTask ?? perClass, samples(dataset)))
}

/** What is remembered, with exemplars of a task that ended beside it, at random. */
export function withExemplars(
  state: MethodState,
  { train, index, random }: Pick<ConsolidateContext, 'train' | 'index' | 'random'>,
  kept: Kept,
): MethodState {
  const rows = chooseExemplars(train, kept, random('exemplars'))
  return memoryState(withRows(memoryOf(state, { train }), train, rows, index))
}

/**
 * A memory as parts of the batch. Where each task has a head of its own, ceil(size / (k - 1)) rows of each past task make
 * a part each; elsewhere they are one part.
 */
export function memorySources(
  memory: Memory,
  task: TaskContext,
  { name, size, weight }: Pick<BatchSource, 'name' | 'size' | 'weight'>,
): BatchSource[] {
  const count = samples(memory.dataset)
  if (task.scenario !== 'task') return [{ name, ...memory, size: Math.min(size, count), weight }]
  const each = task.index > 1 ? Math.ceil(size / task.index) : size
  return Array.from({ length: task.index }, (_, past) => {
    const rows = Int32Array.from(memory.tasks.keys()).filter((row) => memory.tasks[row] === past)
    return {
      name: `${name}/${past}`,
      dataset: rowsOf(memory.dataset, rows),
      tasks: past,
      size: Math.min(each, rows.length),
      weight: weight / task.index,
    }
  }).filter((source) => source.size > 0)
}

/** The sources with a share of the loss that they carried. */
export const weighted = (sources: readonly BatchSource[], share: number): BatchSource[] =>
  sources.map((source) => ({ ...source, weight: source.weight * share }))
