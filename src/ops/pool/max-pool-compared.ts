import { paddingReached, sliceAxes, type WindowAxis } from '../conv/index.ts'
import {
  add,
  blockable,
  cast,
  concat,
  type Emitter,
  intoBlocks,
  ints,
  mul,
  outOfBlocks,
  reshape,
  scalar,
  sub,
  type Value,
} from '../core/index.ts'
import { padZeros } from '../shape/index.ts'

/** With more places a window comparing costs more than asking for indices. */
const LARGEST_WINDOW = 9

/**
 * Whether {@link byComparing} does a pooling: up to two spatial dims, no gaps in or between windows; and channels in whole blocks and few
 * places a window, or a flat graph, whose device gives no indices.
 */
export function compares(x: Value, axes: readonly WindowAxis[], emit: Emitter): boolean {
  const covered = axes.every(({ kernel, stride, dilation }) => stride <= kernel && dilation === 1)
  if (!covered || axes.length > 2) return false
  const places = axes.reduce((product, axis) => product * axis.kernel, 1)
  return emit.flat === true || (axes.length === 2 && blockOf(emit, x) > 1 && places <= LARGEST_WINDOW)
}

/** How many channels lie together: 1 where there are no blocks. */
function blockOf({ channelBlock }: Emitter, x: Value): number {
  return channelBlock !== undefined && blockable(x, channelBlock) ? channelBlock : 1
}

/** Of a single spatial dim: windows along a dim of size 1. */
const alone: WindowAxis = { input: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0, output: 1 }

interface Pooled {
  readonly x: Value
  readonly y: Value
  readonly dy: Value
}

/**
 * dX of max-pooling by comparing each place of the windows with their maximum; in the blocked layout, where there is one, so that a place
 * of all windows is read a block at a time. Each dY goes to the first place that equals the maximum, as the runtime's indices have it.
 */
export function byComparing(emit: Emitter, { x, y, dy }: Pooled, axes: readonly WindowAxis[]): Value {
  const [rows = alone, columns = alone] = axes.length === 1 ? [alone, ...axes] : axes
  const block = blockOf(emit, x)
  const [samples = 1, channels = 1] = x.dims
  const planes = (samples * channels) / block
  const side = (value: Value) => {
    const [height = 1, width = 1] = axes.length === 1 ? [1, ...value.dims.slice(2)] : value.dims.slice(2)
    return reshape(emit, block === 1 ? value : intoBlocks(emit, value), [planes, height, width, block])
  }
  const padded = lowPadded(emit, side(x), rows, columns)
  const most = side(y)
  let left = side(dy)
  const last = rows.kernel * columns.kernel - 1
  const given = Array.from({ length: rows.kernel }, (_, row) =>
    Array.from({ length: columns.kernel }, (_, column) => {
      if (row * columns.kernel + column === last) return left
      const place = sliceAxes(emit, padded, 1, [at(rows, row), at(columns, column)])
      const taken = mul(emit, left, cast(emit, emit.op('Equal', [place, most]), left.type))
      left = sub(emit, left, taken)
      return taken
    }),
  )
  const found = reshape(emit, spread(emit, given, rows, columns), x.dims)
  return block === 1 ? found : outOfBlocks(emit, found)
}

/** What the windows have at one place along an axis: a start and the windows' own step. */
const at = ({ stride, output }: WindowAxis, place: number) => ({ start: place, count: output, step: stride })

/** Lower than any number where windows reach out of the input, so that no maximum is there. */
function lowPadded(emit: Emitter, x: Value, rows: WindowAxis, columns: WindowAxis): Value {
  const pads = [0, rows.before, columns.before, 0, 0, paddingReached(rows), paddingReached(columns), 0]
  if (pads.every((pad) => pad === 0)) return x
  return emit.op('Pad', [x, ints(emit, pads), scalar(emit, Number.NEGATIVE_INFINITY, x)], {
    mode: 'constant',
  })
}

/**
 * What each place was given, put where the windows have it. Places a stride apart share positions, a window further: those of one
 * remainder are moved and added, and remainders lie in turn.
 */
function spread(
  emit: Emitter,
  given: readonly (readonly Value[])[],
  rows: WindowAxis,
  columns: WindowAxis,
): Value {
  const shared = ({ kernel, stride }: WindowAxis) => Math.floor((kernel - 1) / stride)
  const [down, along] = [shared(rows), shared(columns)]
  const sums = Array.from({ length: rows.stride }, () => new Array<Value | undefined>(columns.stride))
  given.forEach((places, row) => {
    places.forEach((value, column) => {
      const [first, second] = [Math.floor(row / rows.stride), Math.floor(column / columns.stride)]
      const moved = padZeros(emit, value, [0, first, second, 0], [0, down - first, along - second, 0])
      const line = sums[row % rows.stride] ?? []
      const before = line[column % columns.stride]
      line[column % columns.stride] = before ? add(emit, before, moved) : moved
    })
  })
  const lines = sums.map((line) =>
    concat(
      emit,
      line.filter((value) => value !== undefined),
      3,
    ),
  )
  const [planes = 1, height = 1, width = 1, across = 1] = lines[0]?.dims ?? []
  const flat = lines.map((line) => reshape(emit, line, [planes * height, 1, width * across]))
  const block = across / columns.stride
  const whole = [planes, height * rows.stride, width * columns.stride, block]
  const canvas = reshape(emit, concat(emit, flat, 1), whole)
  const ends = [rows, columns].map(({ input, before }, axis) => input + before - (whole[axis + 1] ?? 0))
  return padZeros(emit, canvas, [0, -rows.before, -columns.before, 0], [0, ...ends, 0])
}
