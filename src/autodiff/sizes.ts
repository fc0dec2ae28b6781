import { ModelError } from '../errors.ts'
import { nodeLabel } from '../ops/core/index.ts'
import { sizeOf, type TensorType } from '../tensor/tensor.ts'

/** Elements of one value: 8 GiB of floats, far beyond what trains, and short of what arithmetic on dims gets wrong. */
const MOST_ELEMENTS = 2 ** 31

/**
 * Holds the dims that a shape rule gives to what can be, since a file may ask for any: by Expand, Tile, Pad, Resize.
 *
 * @throws ModelError `value-too-large`, `shape-mismatch` for a size that is none.
 */
export function checkSize(node: { readonly op: string; readonly name: string }, { dims }: TensorType): void {
  const size = sizeOf(dims)
  if (size >= 0 && size <= MOST_ELEMENTS && dims.every(isSize)) return
  if (!dims.every(isSize)) {
    throw new ModelError(
      'shape-mismatch',
      `${nodeLabel(node)}: its output would have dims [${dims}], which are no sizes. The model is damaged, or was exported for other sizes.`,
    )
  }
  throw new ModelError(
    'value-too-large',
    `${nodeLabel(node)}: its output would have dims [${dims}], ${size} elements; ${MOST_ELEMENTS} is the most that is computed. Take smaller batches or sizes, or export the model again.`,
  )
}

const isSize = (dim: number): boolean => Number.isSafeInteger(dim) && dim >= 0
