import { add, filled, scan, type Value } from '../ops/core/index.ts'
import { itemAt } from '../required.ts'
import type { GraphBuilder } from './builder.ts'

export { scan } from '../ops/core/index.ts'

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
  if (builder.flat) {
    let sums: readonly Value[] = []
    scan(builder, [], scanned, (inner, _state, slices) => {
      const values = body(inner, slices)
      sums =
        sums.length === 0 ? values : values.map((value, at) => add(inner, itemAt(sums, at, 'sum'), value))
      return { state: [], outputs: [] }
    })
    return sums
  }
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
