import { classLabels, type Dataset, samples } from '../data/dataset.ts'
import { rowHashes } from '../data/fingerprint.ts'
import { batchPlan, resumeBatchPlan } from '../data/memory/index.ts'
import { itemAt } from '../required.ts'
import { type Memory, memoryOf, rowsOf, withRows } from './exemplars.ts'
import type { BatchSource, Json, MethodState, TaskContext } from './method.ts'

// Rows that a method remembers and keeps out of every batch, told by their content.

/** What is held out of past tasks, and of this one the rows of each class whose hashes are least: no chance is in it. */
export function heldOutRows(
  state: MethodState,
  { train, index }: Pick<TaskContext, 'train' | 'index'>,
  perClass: number,
): Memory {
  const hashes = rowHashes(train)
  const byClass = new Map<number, number[]>()
  for (const [row, label] of classLabels(train).entries()) {
    byClass.set(label, [...(byClass.get(label) ?? []), row])
  }
  const before = memoryOf(state, { train })
  const known = new Set(before ? classLabels(before.dataset) : [])
  const rows = [...byClass].flatMap(([label, members]) =>
    known.has(label)
      ? []
      : members
          .toSorted((a, b) => (itemAt(hashes, a, 'hash') < itemAt(hashes, b, 'hash') ? -1 : 1))
          .slice(0, Math.min(perClass, Math.floor(members.length / 2))),
  )
  return withRows(before, train, Int32Array.from(rows), index)
}

/** Rows of a data set that are not held out. */
export const trainable = (dataset: Dataset, held: ReadonlySet<string>): Int32Array =>
  Int32Array.from([...rowHashes(dataset).entries()].filter(([, hash]) => !held.has(hash)).map(([row]) => row))

/** A part of the batch that draws nothing that is held out; rows of new data keep their numbers, as memories go by these. */
export function withoutRows(source: BatchSource, held: ReadonlySet<string>): BatchSource {
  const { dataset, tasks, size } = source
  const rows = source.sampler ? undefined : trainable(dataset, held)
  if (!rows || rows.length === samples(dataset) || rows.length === 0) return source
  if (source.name === 'new') return { ...source, sampler: samplerOf(rows, size) }
  return {
    ...source,
    dataset: rowsOf(dataset, rows),
    tasks: typeof tasks === 'number' ? tasks : rows.map((row) => itemAt(tasks, row, 'task')),
    size: Math.min(size, rows.length),
  }
}

/** Shuffled epochs of some rows. */
const samplerOf =
  (rows: Int32Array, size: number): NonNullable<BatchSource['sampler']> =>
  ({ random, offset, saved }) => {
    const plan = saved
      ? resumeBatchPlan(saved as unknown as Parameters<typeof resumeBatchPlan>[0])
      : batchPlan(rows.length, size, random('draws'))
    return {
      next: (steps) => ({ rows: plan.next(steps).map((place) => offset + itemAt(rows, place, 'row')) }),
      state: () => plan.state() as unknown as Json,
    }
  }
