import { itemAt } from '../required.ts'
import type { DType, Storage, Tensor } from '../tensor/tensor.ts'
import { type Dataset, ignoredLabel, samples } from './dataset.ts'
import { rowChunks } from './row-chunks.ts'
import { pickRows, rowBytesOf } from './rows.ts'
import { SourcedTensor, sourceOf } from './spilled.ts'

/**
 * The lengths that rows are read in: 8, 12, 16, 24, 32, 48, … Each is a graph of its own, and what is filled up costs time.
 *
 * @returns The next of them, `length` or longer.
 */
export function roundedLength(length: number): number {
  let power = 8
  while (power < length) power *= 2
  return power > 8 && length <= 0.75 * power ? 0.75 * power : power
}

/** Rows that are asked again and again are read in fewer lengths, 16, 32, 64, …: a session of each is kept, which holds memory. */
function readingLength(length: number): number {
  let power = 16
  while (power < length) power *= 2
  return power
}

type Labelled = Pick<Dataset, 'causal' | 'inputs' | 'labels'>

/** Whether rows need not be read behind their last label: rows of token ids, each with the next token for a label. */
export const readToLabels = ({ causal, inputs, labels }: Labelled): boolean =>
  causal === true && inputs.dims.length === 2 && inputs.dims.join() === labels.dims.join()

/** How many tokens of each row there are up to its last label, int32 [N]; rows without any label are read whole. */
export function rowLengths({ labels }: Pick<Dataset, 'labels'>): Int32Array {
  const [rows = 0, length = 0] = labels.dims
  const lengths = new Int32Array(rows)
  for (const { from, rows: chunk } of rowChunks<'int32' | 'float32'>(labels)) {
    const { dims, data } = chunk
    for (let row = 0; row < (dims[0] ?? 0); row++) {
      let last = (row + 1) * length - 1
      while (last >= row * length && data[last] === ignoredLabel) last--
      lengths[from + row] = last - row * length + 1 || length
    }
  }
  return lengths
}

/** How many labels count in the loss. */
export function countingLabels({ labels }: { readonly labels: Tensor<'int32' | 'float32'> }): number {
  let counting = 0
  for (const { rows } of rowChunks(labels))
    for (const label of rows.data) if (label !== ignoredLabel) counting++
  return counting
}

/** Rows of a data set that are read in one length. */
export interface RowsOfLength {
  /** Which rows, ascending, int32 [n]. */
  readonly rows: Int32Array
  /** They, cut to that length; without documents. */
  readonly dataset: Dataset
}

/**
 * The rows of a data set by how far they have to be read, the shortest first. In which length a row is read does not depend on the others,
 * but for the data set's own, which is the longest.
 *
 * @example
 * for (const { rows, dataset } of byLength(texts)) console.log(rows.length, dataset.inputs.dims[1])
 */
export function byLength(dataset: Dataset): readonly RowsOfLength[] {
  const all = Int32Array.from({ length: samples(dataset) }, (_, row) => row)
  const [, whole = 0] = dataset.labels.dims
  if (!readToLabels(dataset)) return [{ rows: all, dataset }]
  const read = rowLengths(dataset).map((length) => Math.min(whole, readingLength(length)))
  return [...new Set(read)]
    .sort((a, b) => a - b)
    .map((length) => {
      const rows = all.filter((row) => itemAt(read, row, 'row') === length)
      return { rows, dataset: shortRows(dataset, rows, length) }
    })
}

function shortRows(dataset: Dataset, rows: Int32Array, length: number): Dataset {
  const { inputs, labels } = dataset
  if (length === labels.dims[1] && rows.length === samples(dataset)) return dataset
  const cut = <T extends DType>(tensor: Tensor<T>): Tensor<T> => firstColumns(pickRows(tensor, rows), length)
  return {
    ...{ ...dataset, documents: undefined, inputs: cut(inputs) },
    labels: labels.type === 'int32' ? cut(labels) : cut(labels),
  }
}

/** [N, T] as [N, length]. */
function firstColumns<T extends DType>(tensor: Tensor<T>, length: number): Tensor<T> {
  const [rows = 0, width = 0] = tensor.dims
  if (width === length) return tensor
  const { type } = tensor
  const read = sourceOf(tensor)
  if (read) {
    const bytes = rowBytesOf(tensor)
    const copy: typeof read.copy = (picked, into) => {
      const whole = new Uint8Array(picked.length * bytes)
      read.copy(picked, whole)
      const own = into.length / picked.length
      for (let at = 0; at < picked.length; at++)
        into.set(whole.subarray(at * bytes, at * bytes + own), at * own)
    }
    return new SourcedTensor(type, [rows, length], { copy, spill: read.spill })
  }
  const source = tensor.data as Int32Array
  const data = source.slice(0, rows * length)
  for (let row = 0; row < rows; row++) {
    data.set(source.subarray(row * width, row * width + length), row * length)
  }
  return { type, dims: [rows, length], data: data as unknown as Storage[T] }
}
