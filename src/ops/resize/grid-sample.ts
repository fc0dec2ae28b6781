import { UnsupportedOpError } from '../../errors.ts'
import { sizeOf, type TensorType } from '../../tensor/tensor.ts'
import {
  add,
  cast,
  defineOp,
  type Emitter,
  filled,
  fromNumbers,
  type GradientContext,
  ints,
  mul,
  nodeLabel,
  reduceSum,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  scalar,
  scale,
  shapeError,
  sub,
  type UpgradeContext,
  type Value,
} from '../core/index.ts'
import { gridSampleCases } from './grid-sample-cases.ts'

/** A neighbour that a point takes a share of: how far from its floor, and its share as a cubic of the distance. */
interface Neighbour {
  readonly offset: number
  readonly cubic: readonly [c3: number, c2: number, c1: number, c0: number]
}

/** The a of the cubic kernel (Keys 1981). */
const A = -0.75

const neighbours: Readonly<Record<string, readonly Neighbour[]>> = {
  nearest: [{ offset: 0, cubic: [0, 0, 0, 1] }],
  linear: [0, 1].map((offset) => ({ offset, cubic: [0, 0, -1, 1] })),
  cubic: [-1, 0, 1, 2].map((offset) => ({
    offset,
    cubic: offset === 0 || offset === 1 ? [A + 2, -(A + 3), 0, 1] : [A, -5 * A, 8 * A, -4 * A],
  })),
}

/** Along one axis, a row for each neighbour of each point, [batch, neighbours, points]. */
interface Shares {
  /** Which element, counted along this axis; int64. */
  readonly index: Value
  readonly share: Value
  /** d share / d (the point's place in the grid). */
  readonly slope: Value
}

interface Sampling {
  readonly emit: Emitter
  readonly mode: string
  readonly padding: string
  readonly aligned: boolean
}

const samplingOf = ({ emit, attributes }: GradientContext): Sampling => ({
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
function sharesAlong(sampling: Sampling, grid: Value, size: number): Shares {
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

/** All combinations of neighbours along the axes: their elements, shares and slopes, [batch, combinations, points]. */
function combine(sampling: Sampling, axes: readonly Shares[], sizes: readonly number[]) {
  const { emit } = sampling
  const [batch = 1, , points = 1] = axes[0]?.share.dims ?? []
  const counts = axes.map(({ share }) => share.dims[1] ?? 1)
  const flat = [batch, sizeOf(counts), points]
  const spread = (x: Value, axis: number) =>
    reshape(emit, x, [batch, ...counts.map((count, at) => (at === axis ? count : 1)), points])
  const joined = (op: 'Add' | 'Mul', parts: readonly Value[]) =>
    reshape(
      emit,
      parts.reduce((sum, part) => emit.op(op, [sum, part])),
      flat,
    )
  const stride = (axis: number) => scalar(emit, sizeOf(sizes.slice(axis + 1)), { type: 'int64' })
  const index = joined(
    'Add',
    axes.map((of, axis) => spread(mul(emit, of.index, stride(axis)), axis)),
  )
  const share = joined(
    'Mul',
    axes.map((of, axis) => spread(of.share, axis)),
  )
  const slopes = axes.map((_, along) =>
    joined(
      'Mul',
      axes.map((of, axis) => spread(axis === along ? of.slope : of.share, axis)),
    ),
  )
  return { index, share, slopes, count: sizeOf(counts) }
}

function gridGradient(context: GradientContext): (Value | undefined)[] {
  const { emit, needs } = context
  const [dy] = context.gradients
  const x = required(context, 0)
  const grid = required(context, 1)
  if (!dy) return []
  const [batch = 1, channels = 1, ...sizes] = x.dims
  const points = sizeOf(grid.dims.slice(1, -1))
  const sampling = samplingOf(context)
  // The grid names its coordinates x first, that is the last axis first.
  const coordinates = emit.ops(
    'Split',
    [
      grid,
      ints(
        emit,
        sizes.map(() => 1),
      ),
    ],
    sizes.length,
    { axis: sizes.length + 1 },
  )
  const axes = coordinates
    .toReversed()
    .map((along, axis) => sharesAlong(sampling, reshape(emit, along, [batch, 1, points]), sizes[axis] ?? 1))
  const { index, share, slopes, count } = combine(sampling, axes, sizes)
  const perChannel = [batch, channels, count * points]
  const places = emit.op('Expand', [reshape(emit, index, [batch, 1, count * points]), ints(emit, perChannel)])
  const d = reshape(emit, dy, [batch, channels, 1, points])
  const toInput = () => {
    const given = mul(emit, d, reshape(emit, share, [batch, 1, count, points]))
    const empty = filled(emit, 0, { ...x, dims: [batch, channels, sizeOf(sizes)] })
    const added = emit.op('ScatterElements', [empty, places, reshape(emit, given, perChannel)], {
      axis: 2,
      reduction: 'add',
    })
    return reshape(emit, added, x.dims)
  }
  const toGrid = () => {
    const flat = reshape(emit, x, [batch, channels, sizeOf(sizes)])
    const read = emit.op('GatherElements', [flat, places], { axis: 2 })
    const products = mul(emit, reshape(emit, read, [batch, channels, count, points]), d)
    const perNeighbours = reduceSum(emit, products, [1])
    const along = slopes.map((slope) =>
      reshape(emit, reduceSum(emit, mul(emit, perNeighbours, slope), [1]), [...grid.dims.slice(0, -1), 1]),
    )
    return emit.op('Concat', along.toReversed(), { axis: grid.dims.length - 1 })
  }
  return [needs[0] ? toInput() : undefined, needs[1] ? toGrid() : undefined]
}

function gridShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const grid = required(context, 1)
  const rank = x.dims.length - 2
  const fits = grid.dims.length === rank + 2 && grid.dims.at(-1) === rank && grid.dims[0] === x.dims[0]
  if (rank < 2 || rank > 3 || !fits)
    throw shapeError(
      context,
      'needs [batch, channels, ..] and a grid [batch, .., axes] over its two or three axes.',
    )
  if (!neighbours[context.attributes.string('mode', 'linear')]) {
    throw new UnsupportedOpError(
      'op-form',
      `${nodeLabel(context)}: mode "${context.attributes.string('mode', 'linear')}" is not linear, nearest or cubic.`,
    )
  }
  return [{ type: x.type, dims: [...x.dims.slice(0, 2), ...grid.dims.slice(1, -1)] }]
}

/** Up to opset 19 the modes were called bilinear and bicubic. */
function upgradeModes({ attributes, inputs }: UpgradeContext) {
  const names: Readonly<Record<string, string>> = { bilinear: 'linear', bicubic: 'cubic' }
  const mode = typeof attributes.mode === 'string' ? attributes.mode : 'linear'
  return { inputs, attributes: { ...attributes, mode: names[mode] ?? mode } }
}

/**
 * Reads an image or a volume at the points of a grid. Each value is a sum over the neighbours of its point, so the input
 * gets dy times their shares, scattered, and the grid dy times what they hold and the slopes of their shares.
 */
export const GridSample = defineOp('GridSample', {
  shape: gridShape,
  gradient: gridGradient,
  rows: (context) => context.carries[0] === true && (context.carries[1] === true || rowsFirst(context)),
  upgrade: upgradeModes,
  cases: gridSampleCases(),
})
