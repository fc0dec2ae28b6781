import { TrainingError } from '../../errors.ts'
import type { BatchSource } from '../../methods/method.ts'

/**
 * Rows of a source in an order, `size` a step.
 *
 * @param order Rows of the source's data set, at least as many as all steps take.
 */
export const inOrder =
  (order: Int32Array, size: number): NonNullable<BatchSource['sampler']> =>
  ({ offset, saved }) => {
    let at = Number(saved ?? 0)
    return {
      next: (steps) => {
        const end = at + steps * size
        if (end > order.length) {
          throw new TrainingError(
            'order-short',
            `A stream without borders has ${order.length} rows in this piece, and ${end} were to be read.`,
          )
        }
        const rows = order.subarray(at, end).map((row) => row + offset)
        at = end
        return { rows }
      },
      state: () => at,
    }
  }
