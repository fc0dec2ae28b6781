import { graph as graphAttribute } from '../onnx/graph.ts'
import type { Value } from '../ops/define.ts'
import { add, filled } from '../ops/emit.ts'
import type { GraphBuilder } from './builder.ts'

export interface ScanBody {
  /** The states after this iteration, same types and dims as before it. */
  readonly state: readonly Value[]
  /** What comes back stacked: one value an iteration. */
  readonly outputs: readonly Value[]
}

export interface ScanResult {
  readonly state: readonly Value[]
  /** [iterations, ...dims of the output] each. */
  readonly outputs: readonly Value[]
}

/**
 * Emits a `Scan`: `body` runs once for each entry along axis 0 of `scanned`, carrying `state` along. The body may read
 * any value of `builder`.
 *
 * @example
 * const total = scan(builder, [zero], [xs], (body, [sum], [x]) => ({ state: [body.op('Add', [sum, x])], outputs: [] }))
 */
export function scan(
  builder: GraphBuilder,
  state: readonly Value[],
  scanned: readonly Value[],
  body: (inner: GraphBuilder, state: readonly Value[], slices: readonly Value[]) => ScanBody,
): ScanResult {
  const iterations = scanned[0]?.dims[0] ?? 0
  const inner = builder.body()
  const stateIn = state.map((value) => inner.input(`${value.name}/in`, value))
  const slices = scanned.map((value) =>
    inner.input(`${value.name}/slice`, { type: value.type, dims: value.dims.slice(1) }),
  )
  const result = body(inner, stateIn, slices)
  for (const [index, value] of result.state.entries())
    inner.output(value, `${state[index]?.name ?? 'state'}/out`)
  const stacked = result.outputs.map((value) => inner.output(value, `${value.name}/stacked`))
  const types = [...state, ...stacked.map(({ type, dims }) => ({ type, dims: [iterations, ...dims] }))]
  const values = builder.raw('Scan', [...state, ...scanned], types, {
    body: graphAttribute(inner.finish('step')),
    num_scan_inputs: scanned.length,
  })
  return { state: values.slice(0, state.length), outputs: values.slice(state.length) }
}

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
