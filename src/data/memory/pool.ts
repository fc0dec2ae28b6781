import { DataError } from '../../errors.ts'
import { itemAt, present } from '../../required.ts'
import { sameDims, type Tensor } from '../../tensor/tensor.ts'
import { type Dataset, type Preprocessing, samples } from '../dataset.ts'
import { concatenateRows } from '../rows.ts'

/** Rows of one data set, with the task each row belongs to (one number for all, or one a row). */
export interface PoolPart {
  readonly dataset: Dataset
  readonly tasks: number | Int32Array
}

/**
 * The rows that batches are gathered from while a task is learned: everything a step may read lies in one table, and a
 * batch is a list of row numbers.
 */
export interface Pool {
  /** [rows, ...], as stored. */
  readonly inputs: Tensor
  /** int32 [rows], or float32 [rows, targets]. */
  readonly labels: Dataset['labels']
  /** int32 [rows]: the task of each row. */
  readonly tasks: Tensor<'int32'>
  readonly preprocessing: Preprocessing
  /** Where each part begins, and the number of rows in all at the end. */
  readonly offsets: readonly number[]
}

/**
 * Lays the parts one after another.
 *
 * @throws DataError `pool-mismatch` when parts differ in type, dims or preprocessing of their rows.
 */
export function createPool(parts: readonly PoolPart[]): Pool {
  const [first] = parts
  if (!first) throw new DataError('pool-empty', 'A pool needs at least one data set.')
  const offsets = [0]
  for (const part of parts) {
    checkPart(first.dataset, part.dataset)
    offsets.push(present(offsets.at(-1), 'the last offset') + samples(part.dataset))
  }
  const rows = present(offsets.at(-1), 'the last offset')
  const tasks = new Int32Array(rows)
  parts.forEach((part, index) => {
    const from = itemAt(offsets, index, 'offset')
    if (typeof part.tasks === 'number') tasks.fill(part.tasks, from, offsets[index + 1])
    else tasks.set(part.tasks, from)
  })
  return {
    inputs: concatenateRows(parts.map((part) => part.dataset.inputs)),
    labels: concatenateRows<'int32' | 'float32'>(
      parts.map((part) => part.dataset.labels),
    ) as Dataset['labels'],
    tasks: { type: 'int32', dims: [rows], data: tasks },
    preprocessing: first.dataset.preprocessing,
    offsets,
  }
}

/** Whether rows of two data sets can stand in one pool. */
export const poolsWith = (first: Dataset, other: Dataset): boolean =>
  first.inputs.type === other.inputs.type &&
  sameDims(first.inputs.dims.slice(1), other.inputs.dims.slice(1)) &&
  first.labels.type === other.labels.type &&
  JSON.stringify(first.preprocessing) === JSON.stringify(other.preprocessing)

/** The form of a data set's rows, for messages. */
export const rowForm = ({ inputs: { type, dims } }: Dataset): string => `${type} [${dims.slice(1)}]`

function checkPart(first: Dataset, other: Dataset): void {
  if (poolsWith(first, other)) return
  throw new DataError(
    'pool-mismatch',
    `Rows of "${other.name}" (${rowForm(other)}) cannot stand beside rows of ` +
      `"${first.name}" (${rowForm(first)}): type, dims and preprocessing must agree.`,
  )
}
