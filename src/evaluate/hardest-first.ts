import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'

/**
 * Rows in the order of their loss, -log softmax(logits)[label], the largest first; of equal ones the first.
 *
 * @param logits float32 [N, K]
 * @param labels Units, [N].
 * @param units Those that the softmax goes over. Default all.
 * @example
 * const rows = hardestFirst(await reader.logits(train), classLabels(train))
 */
export function hardestFirst(
  { data, dims }: Tensor<'float32'>,
  labels: Int32Array,
  units?: readonly number[] | undefined,
): number[] {
  const width = itemAt(dims, 1, 'axis')
  const losses = Float64Array.from(labels, (label, row) => {
    const all = data.subarray(row * width, (row + 1) * width)
    const some = units ? Float32Array.from(units, (unit) => itemAt(all, unit, 'logit')) : all
    const most = some.reduce((largest, logit) => Math.max(largest, logit), Number.NEGATIVE_INFINITY)
    const sum = some.reduce((total, logit) => total + Math.exp(logit - most), 0)
    return most + Math.log(sum) - itemAt(all, label, 'logit')
  })
  return Array.from(losses.keys()).sort(
    (a, b) => itemAt(losses, b, 'loss') - itemAt(losses, a, 'loss') || a - b,
  )
}
