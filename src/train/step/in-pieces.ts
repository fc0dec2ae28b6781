import { type Emitter, reshape, scan, type Value } from '../../ops/core/index.ts'
import { itemAt } from '../../required.ts'
import { sizeOf } from '../../tensor/tensor.ts'

/** Tensors from this size on leave no cache that they could be read from again: 16 MiB. */
const LARGE = 2 ** 22
/** Numbers in a piece at most, of which a handful fit into a core's second-level cache. */
const PIECE = 2 ** 16

/**
 * What an element-wise `work` makes of tensors of the same dims, piece by piece where they are large: between its passes a piece stays in
 * the cache, and what lies between them takes the memory of a piece. The numbers are the same. Where the graph is to be flat, whose device has other memory, all at once.
 *
 * @example
 * const next = inPieces(emit, [theta, change], (to, [a, b]) => sub(to, a, b))
 */
export function inPieces<Count extends readonly Value[]>(
  emit: Emitter,
  values: Count,
  work: (emit: Emitter, values: Count) => Value,
): Value {
  const { dims } = itemAt(values, 0, 'value')
  const pieces = emit.flat ? undefined : piecesOf(sizeOf(dims))
  if (pieces === undefined) return work(emit, values)
  const cut = values.map((value) => reshape(emit, value, [pieces, sizeOf(dims) / pieces]))
  const { outputs } = scan(emit, [], cut, (body, _state, slices) => ({
    state: [],
    outputs: [work(body, slices as unknown as Count)],
  }))
  return reshape(emit, itemAt(outputs, 0, 'output'), dims)
}

/** Into how many equal pieces so many numbers are cut; undefined where they are few, or have no such divisor. */
export function piecesOf(count: number): number | undefined {
  if (count < LARGE) return undefined
  const least = Math.ceil(count / PIECE)
  for (let pieces = least; pieces <= 4 * least; pieces++) if (count % pieces === 0) return pieces
  return undefined
}
