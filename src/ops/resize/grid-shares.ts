import {
  add,
  cast,
  type Emitter,
  fromNumbers,
  type GradientContext,
  mul,
  scalar,
  scale,
  sub,
  type Value,
} from '../core/index.ts'

/** A neighbour that a point takes a share of: how far from its floor, and its share as a cubic of the distance. */
interface Neighbour {
  readonly offset: number
  readonly cubic: readonly [c3: number, c2: number, c1: number, c0: number]
}

/** The a of the cubic kernel (Keys 1981). */
const A = -0.75

export const neighbours: Readonly<Record<string, readonly Neighbour[]>> = {
  nearest: [{ offset: 0, cubic: [0, 0, 0, 1] }],
  linear: [0, 1].map((offset) => ({ offset, cubic: [0, 0, -1, 1] })),
  cubic: [-1, 0, 1, 2].map((offset) => ({
    offset,
    cubic: offset === 0 || offset === 1 ? [A + 2, -(A + 3), 0, 1] : [A, -5 * A, 8 * A, -4 * A],
  })),
}

/** Along one axis, a row for each neighbour of each point, [batch, neighbours, points]. */
export interface Shares {
  /** Which element, counted along this axis; int64. */
  readonly index: Value
  readonly share: Value
  /** d share / d (the point's place in the grid). */
  readonly slope: Value
}

export interface Sampling {
  readonly emit: Emitter
  readonly mode: string
  readonly padding: string
  readonly aligned: boolean
}

export const samplingOf = ({ emit, attributes }: GradientContext): Sampling => ({
  emit,
  mode: attributes.string('mode', 'linear'),
  padding: attributes.string('padding_mode', 'zeros'),
  aligned: attributes.int('align_corners', 0) !== 0,
})

/** A constant for each neighbour, [neighbours, 1]. */
const perNeighbour = ({ emit }: Sampling, values: readonly number[], like: Value): Value =>
  emit.constant(fromNumbers(like.type, [values.length, 1], values))

/** `x` - `period` floor(`x` / `period`) */
function modulo(emit: Emitter, x: Value, period: number): Value {
  return sub(emit, x, scale(emit, emit.op('Floor', [scale(emit, x, 1 / period)]), period))
}

const clamp = (emit: Emitter, x: Value, size: number): Value =>
  emit.op('Clip', [x, scalar(emit, 0, x), scalar(emit, size - 1, x)])

/** Where an element outside is read instead, and whether it counts at all. The places are whole numbers. */
function inside(sampling: Sampling, at: Value, size: number): { at: Value; counts?: Value } {
  const { emit, padding, aligned } = sampling
  const clamped = clamp(emit, at, size)
  if (padding === 'border') return { at: clamped }
  if (padding === 'zeros')
    return { at: clamped, counts: cast(emit, emit.op('Equal', [at, clamped]), at.type) }
  // Mirrored at the middle of the last element, or at its far edge.
  const last = aligned ? 2 * (size - 1) : 2 * size - 1
  const period = aligned ? last : 2 * size
  if (period === 0) return { at: clamped }
  const place = modulo(emit, at, period)
  return { at: emit.op('Min', [place, sub(emit, scalar(emit, last, place), place)]) }
}

/** The neighbours of every point along an axis of `size` elements; `grid` is [batch, 1, points] in [-1, 1]. */
export function sharesAlong(sampling: Sampling, grid: Value, size: number): Shares {
  const { emit, mode, aligned } = sampling
  const rows = neighbours[mode] ?? []
  const rate = aligned ? (size - 1) / 2 : size / 2
  const place = add(emit, scale(emit, grid, rate), scalar(emit, (size - 1) / 2, grid))
  const floor = emit.op(mode === 'nearest' ? 'Round' : 'Floor', [place])
  const column = (of: (row: Neighbour) => number) => perNeighbour(sampling, rows.map(of), grid)
  // The distance grows with the place for neighbours behind it and shrinks for those ahead.
  const sign = ({ offset }: Neighbour) => (offset > 0 ? -1 : 1)
  const rest = sub(emit, place, floor)
  const distance = mul(
    emit,
    sub(
      emit,
      rest,
      column((row) => row.offset),
    ),
    column(sign),
  )
  const [c3, c2, c1, c0] = [0, 1, 2, 3].map((power) => column(({ cubic }) => cubic[power] ?? 0))
  const [b2, b1, b0] = [3, 2, 1].map((factor, power) =>
    column((row) => factor * (row.cubic[power] ?? 0) * sign(row) * rate),
  )
  const polynomial = (...coefficients: (Value | undefined)[]) =>
    coefficients.reduce((sum, next) => (sum && next ? add(emit, mul(emit, sum, distance), next) : next))
  const share = polynomial(c3, c2, c1, c0) ?? distance
  const slope = polynomial(b2, b1, b0) ?? distance
  const { at, counts } = inside(
    sampling,
    add(
      emit,
      floor,
      column((row) => row.offset),
    ),
    size,
  )
  const counted = (x: Value) => (counts ? mul(emit, x, counts) : x)
  return { index: cast(emit, at, 'int64'), share: counted(share), slope: counted(slope) }
}
