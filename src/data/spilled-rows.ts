import type { DType, Tensor } from '../tensor/tensor.ts'
import type { Dataset } from './dataset.ts'
import { rowCount, takeRows } from './rows.ts'
import { sourceOf } from './spilled.ts'

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
  isSourced(dataset)
    ? {
        ...dataset,
        inputs: inMemory(dataset.inputs),
        labels: inMemory<'int32' | 'float32'>(dataset.labels) as Dataset['labels'],
      }
    : dataset

/** Whether rows are read of a source: then those of a call are fetched for it. */
export const isSourced = ({ inputs, labels }: Pick<Dataset, 'inputs' | 'labels'>): boolean =>
  sourceOf(inputs) !== undefined || sourceOf(labels) !== undefined

/**
 * What a graph is fed that gathers rows of `inputs` and `labels` by their numbers: both whole and the numbers; where rows are read of a source, those
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
  if (!alone && !isSourced({ inputs, labels })) {
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
