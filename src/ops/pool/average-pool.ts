import { float32, sizeOf, type TensorType } from '../../tensor/tensor.ts'
import { byTransposedConvolution, outputSizes, paddingReached, type WindowAxis } from '../conv/index.ts'
import {
  defineOp,
  type Emitter,
  expand,
  mul,
  type OpCase,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  scale,
  shapeError,
  type Value,
} from '../core/index.ts'
import { averagePoolCases, globalPoolCases } from './pool-cases.ts'
import { poolAxes } from './pool-windows.ts'

/** How many elements each window along an axis averages over; the overhang of ceil_mode never counts. */
function countsAlong(axis: WindowAxis, includePadding: boolean): number[] {
  const from = includePadding ? -axis.before : 0
  const to = axis.input + (includePadding ? axis.after : 0)
  return Array.from({ length: axis.output }, (_, at) => {
    const positions = Array.from(
      { length: axis.kernel },
      (_, place) => at * axis.stride + place * axis.dilation - axis.before,
    )
    return positions.filter((position) => position >= from && position < to).length
  })
}

/** 1 / count of each window, over the output's spatial dims; a number where all are equal. */
function weightsOf(axes: readonly WindowAxis[], includePadding: boolean): number | number[] {
  const counts = axes
    .map((axis) => countsAlong(axis, includePadding))
    .reduce((before, along) => before.flatMap((count) => along.map((other) => count * other)), [1])
  const weights = counts.map((count) => 1 / count)
  const [first = 1] = weights
  return weights.every((weight) => weight === first) ? first : weights
}

/** dX[q] = sum over the windows that read q of the weighted dY: a transposed convolution with a kernel of ones. */
export function addToWindows(
  emit: Emitter,
  weighted: Value,
  x: Value,
  axes: readonly WindowAxis[],
  one: number,
): Value {
  const [samples = 1, channels = 1, ...spatial] = x.dims
  const kernel = axes.map((axis) => axis.kernel)
  const ones = float32([1, 1, ...kernel], new Float32Array(sizeOf(kernel)).fill(one))
  const reaching = axes.map((axis) => ({ ...axis, after: Math.max(axis.after, paddingReached(axis)) }))
  const alone = reshape(emit, weighted, [samples * channels, 1, ...outputSizes(axes)])
  const back = byTransposedConvolution(emit, alone, emit.constant(ones), reaching, 1)
  return reshape(emit, back, [samples, channels, ...spatial])
}

/** Y[p] = mean over the window p of X. dX[q] = sum over the windows p that read q of dY[p] / count[p]. */
export const AveragePool = defineOp('AveragePool', {
  shape: (context) => {
    const x = required(context, 0)
    return [{ type: x.type, dims: [...x.dims.slice(0, 2), ...outputSizes(poolAxes(context))] }]
  },
  gradient: (context) => {
    const { emit, attributes } = context
    const [dy] = context.gradients
    if (!dy) return []
    const x = required(context, 0)
    const axes = poolAxes(context)
    const weights = weightsOf(axes, attributes.int('count_include_pad', 0) !== 0)
    if (typeof weights === 'number') return [addToWindows(emit, dy, x, axes, weights)]
    const weighted = mul(emit, dy, emit.constant(float32(outputSizes(axes), weights)))
    return [addToWindows(emit, weighted, x, axes, 1)]
  },
  rows: rowsFirst,
  cases: [...ownCases(), ...averagePoolCases],
})

function globalShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  if (x.dims.length < 3) throw shapeError(context, 'the input needs samples, channels and a spatial dim.')
  return [{ type: x.type, dims: x.dims.map((dim, axis) => (axis < 2 ? dim : 1)) }]
}

/** Y = mean over all positions; dX = dY / positions, at every one. */
export const GlobalAveragePool = defineOp('GlobalAveragePool', {
  shape: globalShape,
  gradient: (context) => {
    const [dy] = context.gradients
    const x = required(context, 0)
    if (!dy) return []
    return [expand(context.emit, scale(context.emit, dy, 1 / sizeOf(x.dims.slice(2))), x.dims)]
  },
  rows: rowsFirst,
  cases: [
    { name: 'one spatial dim', inputs: [{ dims: [2, 3, 6] }] },
    { name: 'two spatial dims', inputs: [{ dims: [2, 3, 4, 5] }] },
    { name: 'three spatial dims', inputs: [{ dims: [2, 2, 2, 3, 3] }] },
    ...globalPoolCases,
  ],
})

/** ONNX Runtime's CPU provider averages in float32 only, so there are no float64 cases. */
function ownCases(): OpCase[] {
  const pooling = (name: string, dims: readonly number[], attributes: NonNullable<OpCase['attributes']>) => [
    { name, inputs: [{ dims }], attributes },
    {
      name: `${name}, count_include_pad`,
      inputs: [{ dims }],
      attributes: { ...attributes, count_include_pad: 1 },
    },
  ]
  return [
    ...pooling('one spatial dim', [2, 3, 8], { kernel_shape: [3], strides: [2], pads: [1, 1] }),
    ...pooling('two by two', [2, 3, 4, 6], { kernel_shape: [2, 2], strides: [2, 2] }),
    ...pooling('a row left over', [2, 3, 5, 7], { kernel_shape: [2, 2], strides: [2, 2] }),
    ...pooling('default strides: overlapping', [2, 2, 4, 5], { kernel_shape: [2, 3] }),
    ...pooling('stride larger than the kernel', [2, 2, 7, 8], { kernel_shape: [2, 2], strides: [3, 3] }),
    ...pooling('padding 1', [2, 2, 5, 5], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
    ...pooling('asymmetric pads', [2, 2, 5, 6], {
      kernel_shape: [2, 3],
      strides: [2, 2],
      pads: [1, 0, 0, 2],
    }),
    ...pooling('ceil_mode', [2, 2, 6, 6], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
    ...pooling('ceil_mode, padding', [2, 2, 6, 6], {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 0, 0],
      ceil_mode: 1,
    }),
    ...pooling('dilations', [2, 2, 6, 7], { kernel_shape: [2, 3], dilations: [2, 2], pads: [1, 1, 1, 1] }),
    ...pooling('auto_pad SAME_UPPER', [2, 2, 5, 6], {
      kernel_shape: [2, 3],
      strides: [2, 2],
      auto_pad: 'SAME_UPPER',
    }),
    ...pooling('auto_pad SAME_LOWER', [2, 2, 5, 6], { kernel_shape: [2, 3], auto_pad: 'SAME_LOWER' }),
    ...pooling('auto_pad VALID', [2, 2, 5, 6], { kernel_shape: [2, 3], strides: [2, 2], auto_pad: 'VALID' }),
    ...pooling('three spatial dims', [1, 2, 4, 4, 4], {
      kernel_shape: [2, 2, 2],
      strides: [2, 2, 2],
      pads: [0, 1, 1, 0, 1, 1],
    }),
  ]
}
