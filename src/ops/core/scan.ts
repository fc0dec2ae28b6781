import { graph as graphAttribute } from '../../onnx/graph.ts'
import { itemAt } from '../../required.ts'
import type { Body, Emitter, Value } from './define.ts'
import { reshape } from './emit.ts'
import { dimOf } from './shapes.ts'

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

export interface ScanOptions {
  /** Goes from the last entry to the first; what comes back stacked lies in the order of the entries all the same. */
  readonly reverse?: boolean
}

/**
 * Emits a `Scan`: `body` runs once for each entry along axis 0 of `scanned`, carrying `state` along. The body may read
 * any value of `builder`. No gradient passes through it.
 *
 * @example
 * const total = scan(builder, [zero], [xs], (body, [sum], [x]) => ({ state: [body.op('Add', [sum, x])], outputs: [] }))
 */
export function scan<Inner extends Body>(
  builder: Pick<Emitter, 'raw'> & { body(): Inner },
  state: readonly Value[],
  scanned: readonly Value[],
  body: (inner: Inner, state: readonly Value[], slices: readonly Value[]) => ScanBody,
  options: ScanOptions = {},
): ScanResult {
  const iterations = dimOf(itemAt(scanned, 0, 'scanned input'), 0)
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
    ...(options.reverse ? { scan_input_directions: scanned.map(() => 1) } : {}),
    ...(options.reverse && stacked.length > 0 ? { scan_output_directions: stacked.map(() => 1) } : {}),
  })
  return { state: values.slice(0, state.length), outputs: values.slice(state.length) }
}

/**
 * A `Scan` of one iteration written out, for devices that have none: the same values, of a graph without a subgraph. `scanned` has one
 * entry along axis 0.
 */
export function once<Builder extends Emitter>(
  builder: Builder,
  state: readonly Value[],
  scanned: readonly Value[],
  body: (inner: Builder, state: readonly Value[], slices: readonly Value[]) => ScanBody,
): ScanResult {
  const slices = scanned.map((value) => reshape(builder, value, value.dims.slice(1)))
  const result = body(builder, state, slices)
  return {
    state: result.state,
    outputs: result.outputs.map((value) => reshape(builder, value, [1, ...value.dims])),
  }
}
