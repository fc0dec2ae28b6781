import { itemAt } from '../../required.ts'
import type { TensorType } from '../../tensor/tensor.ts'
import {
  add,
  defineOp,
  type Emitter,
  type Formed,
  filled,
  finished,
  type GradientContext,
  ints,
  reduceSum,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  shapeError,
  type Value,
} from '../core/index.ts'
import { weightGradientForm } from './conv-forms.ts'
import { biasSquares, weightSquares } from './conv-squares.ts'
import { convTransposeCases } from './conv-transpose-cases.ts'
import { sliceAxes } from './unfold.ts'
import { extent, perAxis, slidingOf, type WindowAxis } from './windows.ts'

/**
 * The convolution that this op is the transpose of: its input has the spatial dims of Y, its output those of X. Where Y
 * is larger than the windows reach, the last elements of Y are outside every window.
 */
function transposedAxes(context: Omit<ShapeContext, 'outputs'> | GradientContext): WindowAxis[] {
  const x = required(context, 0)
  const w = required(context, 1)
  const spatial = x.dims.slice(2)
  const rank = spatial.length
  const strides = perAxis(context, 'strides', rank, 1)
  const dilations = perAxis(context, 'dilations', rank, 1)
  const extra = perAxis(context, 'output_padding', rank, 0)
  const pads = perAxis(context, 'pads', 2 * rank, 0)
  const stated = context.attributes.ints('output_shape')?.slice(-rank)
  const automatic = context.attributes.string('auto_pad', 'NOTSET')
  return spatial.map((size, at) => {
    const shape = {
      kernel: w.dims[at + 2] ?? 1,
      stride: strides[at] ?? 1,
      dilation: dilations[at] ?? 1,
      output: size,
    }
    const full = (size - 1) * shape.stride + itemAt(extra, at, 'pad') + extent(shape)
    const same = automatic.startsWith('SAME') ? size * shape.stride : undefined
    const wanted = stated?.[at] ?? same
    if (wanted !== undefined) {
      const total = Math.max(0, full - wanted)
      const less = Math.floor(total / 2)
      const upper = automatic === 'SAME_UPPER'
      return {
        ...shape,
        input: wanted,
        before: upper ? less : total - less,
        after: upper ? total - less : less,
      }
    }
    const before = automatic === 'VALID' ? 0 : itemAt(pads, at, 'pad')
    const after = automatic === 'VALID' ? 0 : itemAt(pads, at + rank, 'pad')
    return { ...shape, input: full - before - after, before, after }
  })
}

function transposeShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const w = required(context, 1)
  if (x.dims.length < 3 || x.dims.length !== w.dims.length)
    throw shapeError(context, 'input and weights must be of one rank, 3 (one spatial dim) or more.')
  const [samples = 1, channels = 1] = x.dims
  const [inputs = 1, perGroup = 1] = w.dims
  const outputs = perGroup * context.attributes.int('group', 1)
  if (inputs !== channels) throw shapeError(context, `${channels} channels do not fit weights [${w.dims}].`)
  const bias = context.inputs[2]
  if (bias && bias.dims.join() !== `${outputs}`)
    throw shapeError(context, `the bias must have dims [${outputs}].`)
  const axes = transposedAxes(context)
  if (axes.some((axis) => axis.input < 1)) throw shapeError(context, 'the pads leave nothing of the output.')
  return [{ type: x.type, dims: [samples, outputs, ...axes.map((axis) => axis.input)] }]
}

/**
 * WebGPU's kernel takes one output a group for a depthwise convolution, and is wrong where a group has several inputs: there a second
 * output of zeros is computed beside it, and left out.
 */
function besideZeros(emit: Emitter, context: ShapeContext): Formed | undefined {
  const [x, w, bias] = [required(context, 0), required(context, 1), context.inputs[2]]
  const group = context.attributes.int('group', 1)
  const [inputs = 1, outputs] = w.dims
  if (!emit.flat || group === 1 || outputs !== 1 || inputs === group) return undefined
  const axes = transposedAxes(context)
  const wide = emit.op('Concat', [w, filled(emit, 0, w)], { axis: 1 })
  const both = emit.op('ConvTranspose', [x, wide], {
    group,
    ...slidingOf(axes),
    output_padding: perAxis(context, 'output_padding', axes.length, 0),
  })
  const [samples = 1, , ...spatial] = both.dims
  const pairs = reshape(emit, both, [samples, group, 2, ...spatial])
  const first = emit.op('Slice', [pairs, ints(emit, [0]), ints(emit, [1]), ints(emit, [2])])
  const y = reshape(emit, first, [samples, group, ...spatial])
  const shift = bias && reshape(emit, bias, [1, group, ...spatial.map(() => 1)])
  return { outputs: [shift ? add(emit, y, shift) : y] }
}

/** What windows neither read nor pad for is cut off, so that a convolution of dY gives exactly the dims of X. */
function convolutionOfOutput(axes: readonly WindowAxis[]): WindowAxis[] {
  return axes.map((axis) => {
    const reached = (axis.output - 1) * axis.stride + extent(axis) - axis.before
    return { ...axis, input: Math.min(axis.input, reached), after: Math.max(0, reached - axis.input) }
  })
}

/**
 * Y[n, o, q] = B[o] + sum over c and the p, k with p stride + k dilation - before = q of W[c, o, k] X[n, c, p]: the
 * transpose of a convolution from Y to X. So dX = Conv(dY, W), dW is that convolution's dW with X in the place of its
 * dY, and dB[o] = sum over n, q of dY[n, o, q].
 */
export const ConvTranspose = defineOp('ConvTranspose', {
  shape: transposeShape,
  form: besideZeros,
  gradient: (context) => {
    const { emit, needs } = context
    const [dy] = context.gradients
    if (!dy) return []
    const x = required(context, 0)
    const w = required(context, 1)
    const groups = context.attributes.int('group', 1)
    const axes = convolutionOfOutput(transposedAxes(context))
    const read = readByWindows(emit, dy, axes)
    const positions = dy.dims.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
    const convolution = { ...slidingOf(axes), group: groups }
    return [
      needs[0] ? emit.op('Conv', [read, w], convolution) : undefined,
      needs[1] ? weightGradientForm(read.dims, w.dims, axes, groups)(emit, read, x, axes, groups) : undefined,
      needs[2] ? reduceSum(emit, dy, positions) : undefined,
    ]
  },
  squares: (context) => {
    const { emit, needs, carries, samples } = context
    const [dy] = context.gradients
    const x = required(context, 0)
    if (!dy || !carries[0] || x.dims[0] !== samples) return []
    const groups = context.attributes.int('group', 1)
    const axes = convolutionOfOutput(transposedAxes(context))
    const read = readByWindows(emit, dy, axes)
    return [
      undefined,
      needs[1] ? finished(weightSquares({ emit, x: read, dy: x, axes, groups })) : undefined,
      needs[2] ? finished(biasSquares(emit, dy)) : undefined,
    ]
  },
  rows: rowsFirst,
  cases: convTransposeCases,
})

const readByWindows = (emit: GradientContext['emit'], dy: Value, axes: readonly WindowAxis[]): Value =>
  sliceAxes(
    emit,
    dy,
    2,
    axes.map((axis) => ({ start: 0, count: axis.input, step: 1 })),
  )
