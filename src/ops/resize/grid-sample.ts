import { UnsupportedOpError } from '../../errors.ts'
import { sizeOf, type TensorType } from '../../tensor/tensor.ts'
import {
  defineOp,
  filled,
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
  shapeError,
  type UpgradeContext,
  type Value,
} from '../core/index.ts'
import { gridSampleCases } from './grid-sample-cases.ts'
import { neighbours, type Sampling, type Shares, samplingOf, sharesAlong } from './grid-shares.ts'

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
