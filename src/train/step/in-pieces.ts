import { asDims, type Emitter, reshape, scan, type Value } from '../../ops/core/index.ts'
import { itemAt } from '../../required.ts'
import { sizeOf } from '../../tensor/tensor.ts'

/** Tensors from this size on leave no cache that they could be read from again: 8 MiB. */
const LARGE = 2 ** 21
/** Numbers in a piece at most, of which a handful fit into a core's caches. */
const PIECE = 2 ** 17

/**
 * What an element-wise `work` makes of tensors of the same dims, piece by piece where they are large: between its passes a piece stays in
 * the cache, and what lies between them takes the memory of a piece. The numbers are the same. Results are views of the pieces, which
 * say so ({@link Value.laid}). Where the graph is to be flat, whose device has other memory, all at once.
 *
 * @example
 * const [next] = inPieces(emit, [theta, change], (to, [a, b]) => [sub(to, a, b)])
 */
export function inPieces<Given extends readonly Value[], Made extends readonly Value[]>(
  emit: Emitter,
  values: Given,
  work: (emit: Emitter, values: Given) => Made,
): Made {
  const { dims } = itemAt(values, 0, 'value')
  const pieces = emit.flat ? undefined : piecesOf(sizeOf(dims))
  if (pieces === undefined) return work(emit, values)
  const cut = values.map((value) => reshape(emit, value, [pieces, sizeOf(dims) / pieces]))
  const { outputs } = scan(emit, [], cut, (body, _state, slices) => ({
    state: [],
    outputs: work(body, slices as unknown as Given),
  }))
  return outputs.map((output) => asDims(emit, output, dims)) as unknown as Made
}

/** Into how many equal pieces so many numbers are cut; undefined where they are few, or have no such divisor. */
export function piecesOf(count: number): number | undefined {
  if (count < LARGE) return undefined
  const least = Math.ceil(count / PIECE)
  for (let pieces = least; pieces <= 4 * least; pieces++) if (count % pieces === 0) return pieces
  return undefined
}
