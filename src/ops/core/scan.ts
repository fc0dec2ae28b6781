import { UnsupportedOpError } from '../../errors.ts'
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
 * any value of `builder`. No gradient passes through it. Where the graph is to be flat its turns are written out.
 *
 * @throws UnsupportedOpError `loop-too-long` where that would be too many.
 *
 * @example
 * const total = scan(builder, [zero], [xs], (body, [sum], [x]) => ({ state: [body.op('Add', [sum, x])], outputs: [] }))
 */
export function scan<Inner extends Emitter>(
  builder: { body(): Inner & Body } & Inner,
  state: readonly Value[],
  scanned: readonly Value[],
  body: (inner: Inner, state: readonly Value[], slices: readonly Value[]) => ScanBody,
  options: ScanOptions = {},
): ScanResult {
  if (builder.flat) return writtenOut<Inner>(builder, state, scanned, body, options)
  const iterations = dimOf(itemAt(scanned, 0, 'scanned input'), 0)
  const inner = builder.body()
  const stateIn = state.map((value) => inner.input(`${value.name}/in`, value))
  const slices = scanned.map((value) =>
    inner.input(`${value.name}/slice`, { type: value.type, dims: value.dims.slice(1) }),
  )
  const result = body(inner, stateIn, slices)
  // A view that is given out is copied, so a state goes round in the dims in which it is made.
  const started = state.map((value, at) => {
    const { laid } = itemAt(result.state, at, 'state')
    if (laid) inner.laidIn(itemAt(stateIn, at, 'state'), laid.dims)
    return laid ? reshape(builder, value, laid.dims) : value
  })
  for (const [index, value] of result.state.entries())
    inner.output(asMade(value), `${state[index]?.name ?? 'state'}/out`)
  const stacked = result.outputs.map((value) => inner.output(value, `${value.name}/stacked`))
  const types = [...started, ...stacked.map(({ type, dims }) => ({ type, dims: [iterations, ...dims] }))]
  const values = builder.raw('Scan', [...started, ...scanned], types, {
    body: graphAttribute(inner.finish('step')),
    num_scan_inputs: scanned.length,
    ...(options.reverse ? { scan_input_directions: scanned.map(() => 1) } : {}),
    ...(options.reverse && stacked.length > 0 ? { scan_output_directions: stacked.map(() => 1) } : {}),
  })
  const ended = state.map(({ dims }, at) => asDims(builder, itemAt(values, at, 'state'), dims))
  return { state: ended, outputs: values.slice(state.length) }
}

/** A view of `value` with these dims, which tells what it is of; the value itself where it has them. */
export function asDims(builder: Emitter, value: Value, dims: readonly number[]): Value {
  const view = reshape(builder, value, dims)
  return view === value ? value : { ...view, laid: value }
}

/** What `value` is a view of; itself where it is none. */
export const asMade = (value: Value): Value => value.laid ?? value

/** Turns of a loop that are written out at most: each is the whole body again. */
const MOST_TURNS = 256

/** The same as a graph without a subgraph: the body again for each entry. */
function writtenOut<Inner extends Emitter>(
  builder: Inner,
  state: readonly Value[],
  scanned: readonly Value[],
  body: (inner: Inner, state: readonly Value[], slices: readonly Value[]) => ScanBody,
  { reverse = false }: ScanOptions,
): ScanResult {
  const count = dimOf(itemAt(scanned, 0, 'scanned input'), 0)
  if (count > MOST_TURNS) {
    throw new UnsupportedOpError(
      'loop-too-long',
      `A loop of ${count.toLocaleString('en-US')} turns is needed here, and the device has no loops: at most ${MOST_TURNS} turns are written out. Compute on the CPU (--device cpu).`,
    )
  }
  const turns: (readonly Value[])[] = new Array(count)
  let now = state
  for (let turn = 0; turn < count; turn++) {
    const at = reverse ? count - 1 - turn : turn
    const result = body(builder, now, entriesAt(builder, scanned, at))
    now = result.state
    turns[at] = result.outputs.map((value) => reshape(builder, value, [1, ...value.dims]))
  }
  const outputs = itemAt(turns, 0, 'turn').map((first, which) =>
    count === 1
      ? first
      : builder.op(
          'Concat',
          turns.map((values) => itemAt(values, which, 'output')),
          { axis: 0 },
        ),
  )
  return { state: now, outputs }
}

/** One entry along axis 0 of each. */
const entriesAt = (builder: Emitter, scanned: readonly Value[], at: number): Value[] =>
  scanned.map((value) => {
    if (dimOf(value, 0) === 1) return reshape(builder, value, value.dims.slice(1))
    const place = builder.constant({ type: 'int32', dims: [], data: Int32Array.of(at) })
    return builder.op('Gather', [value, place], { axis: 0 })
  })
