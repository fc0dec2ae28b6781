import { add, filled, once, scan, type Value } from '../ops/core/index.ts'
import type { GraphBuilder } from './builder.ts'

export { scan } from '../ops/core/index.ts'

/** A `Scan`, or where the graph is to have none its one iteration written out. */
export const scanOrOnce = (flat = false) => (flat ? once<GraphBuilder> : scan<GraphBuilder>)

/**
 * Sums what `body` gives over all entries of `scanned`: a `Scan` whose states are the running sums.
 *
 * @returns one total for each value that the body returns, of the same dims
 */
export function scanSum(
  builder: GraphBuilder,
  scanned: readonly Value[],
  body: (inner: GraphBuilder, slices: readonly Value[]) => readonly Value[],
): readonly Value[] {
  // A first, discarded pass tells the dims of the sums, which the states need before the body is built.
  const trial = builder.body()
  const slices = scanned.map((value) => trial.input('slice', { type: value.type, dims: value.dims.slice(1) }))
  const zeros = body(trial, slices).map((value) => filled(builder, 0, value))
  return scan(builder, zeros, scanned, (inner, sums, parts) => ({
    state: body(inner, parts).map((value, index) => {
      const sum = sums[index]
      return sum ? add(inner, sum, value) : value
    }),
    outputs: [],
  })).state
}
