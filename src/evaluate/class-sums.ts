import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** Feature vectors summed by class, and how many there were of each. */
export interface ClassSums {
  /** [classes, width] */
  readonly sums: Float64Array
  readonly counts: Float64Array
  readonly width: number
}

/**
 * @param features float32 [N, D]
 * @param labels The class of each row.
 */
export function classSums(features: Tensor<'float32'>, labels: Int32Array, classes: number): ClassSums {
  const width = itemAt(features.dims, 1, 'dim of the features')
  const sums = new Float64Array(classes * width)
  const counts = new Float64Array(classes)
  for (const [row, label] of labels.entries()) {
    counts[label] = Number(counts[label]) + 1
    for (let at = 0; at < width; at++) {
      sums[label * width + at] = Number(sums[label * width + at]) + Number(features.data[row * width + at])
    }
  }
  return { sums, counts, width }
}
