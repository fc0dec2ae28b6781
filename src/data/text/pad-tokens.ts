import type { Tensor } from '../../tensor/tensor.ts'
import { type Dataset, ignoredLabel, kindOf } from '../dataset.ts'

/**
 * Data sets of token ids with rows of one length, the longest's: shorter rows are filled up, and what is filled up has no label. Others come
 * back as they are.
 *
 * @example
 * const [january, february] = padTogether([first, second])
 */
export function padTogether(datasets: readonly Dataset[]): readonly Dataset[] {
  const lengths = datasets.map(lengthOf)
  const length = Math.max(...lengths.map((own) => own ?? 0))
  return datasets.map((dataset, index) =>
    lengths[index] === undefined || lengths[index] === length ? dataset : padded(dataset, length),
  )
}

function lengthOf({ inputs, preprocessing }: Dataset): number | undefined {
  const [, length] = inputs.dims
  return inputs.type === 'int64' && inputs.dims.length === 2 && preprocessing.pad !== undefined
    ? length
    : undefined
}

function padded(dataset: Dataset, length: number): Dataset {
  const { inputs, labels, preprocessing } = dataset
  const [rows = 0, own = 0] = inputs.dims
  const dims = [rows, length]
  const ids = new BigInt64Array(rows * length).fill(BigInt(preprocessing.pad ?? 0))
  for (let row = 0; row < rows; row++) {
    ids.set((inputs.data as BigInt64Array).subarray(row * own, (row + 1) * own), row * length)
  }
  const longer: Tensor = { type: 'int64', dims, data: ids }
  if (kindOf(dataset) !== 'token-classification') return { ...dataset, inputs: longer }
  const tags = new Int32Array(rows * length).fill(ignoredLabel)
  for (let row = 0; row < rows; row++) {
    tags.set((labels.data as Int32Array).subarray(row * own, (row + 1) * own), row * length)
  }
  return { ...dataset, inputs: longer, labels: { type: 'int32', dims, data: tags } }
}
