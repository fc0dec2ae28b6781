import type { WindowAxis } from '../conv/index.ts'
import {
  blockable,
  cast,
  type Emitter,
  intoBlocks,
  ints,
  mul,
  outOfBlocks,
  reshape,
  sub,
  type Value,
} from '../core/index.ts'

/** Beyond as many places a window comparing costs more than asking for indices. */
const LARGEST_WINDOW = 9

/** Whether {@link byComparing} can do a pooling: windows side by side that cover the input, channels in whole blocks. */
export function comparesBlocked(x: Value, axes: readonly WindowAxis[], block: number | undefined): boolean {
  if (block === undefined || !blockable(x, block)) return false
  const places = axes.reduce((product, axis) => product * axis.kernel, 1)
  return (
    places <= LARGEST_WINDOW &&
    axes.every(
      ({ kernel, stride, dilation, input, before, output }) =>
        kernel === stride && dilation === 1 && before === 0 && input === kernel * output,
    )
  )
}

interface Pooled {
  readonly x: Value
  readonly y: Value
  readonly dy: Value
}

/**
 * dX of max-pooling by comparing each place of the windows with their maximum, in the blocked layout, where a place of all windows is
 * read a block at a time. Each dY goes to the first place that equals the maximum, as the runtime's indices have it.
 */
export function byComparing(emit: Emitter, { x, y, dy }: Pooled, axes: readonly WindowAxis[]): Value {
  const [rows, columns] = axes
  const block = emit.channelBlock
  if (!rows || !columns || block === undefined)
    throw new Error('Blocked pooling needs two spatial dims and a block.')
  const [samples = 1, channels = 1] = x.dims
  const lead = (samples * channels * rows.output) / block
  const windows = reshape(emit, intoBlocks(emit, x), [
    lead,
    rows.kernel,
    columns.output,
    columns.kernel * block,
  ])
  const side = (value: Value) => reshape(emit, intoBlocks(emit, value), [lead, 1, columns.output, block])
  const most = side(y)
  let left = side(dy)
  const last = rows.kernel * columns.kernel - 1
  const given = Array.from({ length: rows.kernel }, (_, row) =>
    Array.from({ length: columns.kernel }, (_, column) => {
      if (row * columns.kernel + column === last) return left
      const place = emit.op('Slice', [
        windows,
        ints(emit, [row, column * block]),
        ints(emit, [row + 1, (column + 1) * block]),
        ints(emit, [1, 3]),
      ])
      const taken = mul(emit, left, cast(emit, emit.op('Equal', [place, most]), left.type))
      left = sub(emit, left, taken)
      return taken
    }),
  )
  const lines = given.map((places) => emit.op('Concat', places, { axis: 3 }))
  return outOfBlocks(emit, reshape(emit, emit.op('Concat', lines, { axis: 1 }), x.dims))
}
