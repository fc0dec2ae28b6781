import type { DType, Tensor } from '../tensor/tensor.ts'
import type { Dataset } from './dataset.ts'
import { rowBytesOf, rowCount, takeRows } from './rows.ts'
import { sourceOf } from './spilled.ts'

/** Bytes of rows that are read from disk at a time. */
const CHUNK = 2 ** 24

/** Rows from some row on. */
export interface RowChunk<T extends DType = DType> {
  readonly from: number
  readonly rows: Tensor<T>
}

/** All rows in order, in pieces that are in memory: one piece where all are. */
export function* rowChunks<T extends DType>(tensor: Tensor<T>): Generator<RowChunk<T>> {
  if (!sourceOf(tensor)) {
    yield { from: 0, rows: tensor }
    return
  }
  const rows = rowCount(tensor)
  const most = rowsWithin(tensor, CHUNK)
  for (let from = 0; from < rows; from += most) {
    const count = Math.min(most, rows - from)
    yield {
      from,
      rows: takeRows(
        tensor,
        Int32Array.from({ length: count }, (_, at) => from + at),
      ),
    }
  }
}

/** How many rows so many bytes hold, at least one. */
export const rowsWithin = (tensor: Pick<Tensor, 'type' | 'dims'>, bytes: number): number =>
  tensor.type === 'string' ? rowCount(tensor as Tensor) : Math.max(1, Math.floor(bytes / rowBytesOf(tensor)))

/** The tensor with all rows in memory, as it is where they are. For what is small beside the rows that it was made of. */
export const inMemory = <T extends DType>(tensor: Tensor<T>): Tensor<T> =>
  sourceOf(tensor)
    ? takeRows(
        tensor,
        Int32Array.from({ length: rowCount(tensor) }, (_, row) => row),
      )
    : tensor

/** A data set with all rows in memory, as it is where they are. */
export const datasetInMemory = (dataset: Dataset): Dataset =>
  sourceOf(dataset.inputs) ? { ...dataset, inputs: inMemory(dataset.inputs) } : dataset

/**
 * What a graph is fed that gathers rows of `inputs` and `labels` by their numbers: both whole and the numbers; where inputs lie on disk, those
 * rows alone, and the numbers that they have there.
 *
 * @param rows int32, of any dims.
 * @param alone Those rows alone, wherever they lie: for devices, to which all that is fed is copied. Default false.
 */
export function gatheredFeeds(
  { inputs, labels }: Pick<Dataset, 'inputs' | 'labels'>,
  rows: Tensor<'int32'>,
  alone = false,
): readonly (readonly [string, Tensor])[] {
  if (!alone && !sourceOf(inputs)) {
    return [
      ['inputs', inputs],
      ['labels', labels],
      ['rows', rows],
    ]
  }
  return [
    ['inputs', takeRows(inputs, rows.data)],
    ['labels', takeRows<'int32' | 'float32'>(labels, rows.data)],
    ['rows', inPlace(rows)],
  ]
}

/** Row numbers in the order in which rows were taken: 0, 1, 2 … */
export const inPlace = ({ type, dims, data }: Tensor<'int32'>): Tensor<'int32'> => ({
  type,
  dims,
  data: Int32Array.from(data, (_, at) => at),
})
