import { ModelError } from '../../errors.ts'
import type { TensorType } from '../../tensor/tensor.ts'
import {
  add,
  defineOp,
  type Emitter,
  type Formed,
  finished,
  type GradientContext,
  nodeLabel,
  reduceSum,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  shapeError,
} from '../core/index.ts'
import { byBlocks, convolvesBlocked } from './conv-blocked.ts'
import { byDepthwiseBlocks, depthwiseBlocked } from './conv-blocked-depthwise.ts'
import { convCases } from './conv-cases.ts'
import { besideZeros, misconvolved } from './conv-device.ts'
import { convolutionForm, inputGradientForm, weightGradientForm } from './conv-forms.ts'
import { biasSquares, weightSquares } from './conv-squares.ts'
import { outputSizes, type WindowAxis, windowAxes } from './windows.ts'

interface Convolution {
  readonly axes: readonly WindowAxis[]
  readonly groups: number
}

function convolutionOf(context: Omit<ShapeContext, 'outputs'> | GradientContext): Convolution {
  const x = required(context, 0)
  const w = required(context, 1)
  const kernel = w.dims.slice(2)
  const stated = context.attributes.ints('kernel_shape')
  if (stated && stated.join() !== kernel.join()) {
    throw new ModelError(
      'kernel-shape',
      `${nodeLabel(context)}: kernel_shape says [${stated}], but the weights "${w.name}" have dims [${w.dims}].`,
    )
  }
  return {
    axes: windowAxes(context, x.dims.slice(2), kernel),
    groups: context.attributes.int('group', 1),
  }
}

function convShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const w = required(context, 1)
  const [samples = 1, channels = 1] = x.dims
  const [outputs = 1, perGroup = 1] = w.dims
  if (x.dims.length < 3 || x.dims.length !== w.dims.length)
    throw shapeError(context, 'input and weights must be of one rank, 3 (one spatial dim) or more.')
  const { axes, groups } = convolutionOf(context)
  if (perGroup * groups !== channels || outputs % groups !== 0)
    throw shapeError(context, `${channels} channels in ${groups} groups do not fit weights [${w.dims}].`)
  const bias = context.inputs[2]
  if (bias && bias.dims.join() !== `${outputs}`)
    throw shapeError(context, `the bias must have dims [${outputs}].`)
  return [{ type: x.type, dims: [samples, outputs, ...outputSizes(axes)] }]
}

/** Nodes that convolve faster than Conv does. Constant weights are left to the runtime, which arranges them for its kernels. */
function convForm(emit: Emitter, context: ShapeContext): Formed | undefined {
  const x = required(context, 0)
  const w = required(context, 1)
  const bias = context.inputs[2]
  const { axes, groups } = convolutionOf(context)
  const { channelBlock: block } = emit
  if (block !== undefined && !w.constant) {
    if (depthwiseBlocked(x.type, w.dims, axes, groups, block))
      return { outputs: [byDepthwiseBlocks(emit, { x, w, bias }, axes, block)] }
    if (convolvesBlocked(x, w.dims, axes, groups, block))
      return { outputs: [byBlocks(emit, { x, w, bias }, axes, block)] }
  }
  const own = emit.flat && misconvolved(w.dims, groups) ? besideZeros : undefined
  const form = (w.constant ? undefined : convolutionForm(x.dims, w.dims, axes, groups)) ?? own
  const y = form?.(emit, x, w, axes, groups)
  if (!y) return undefined
  const biased = bias && add(emit, y, reshape(emit, bias, [w.dims[0] ?? 1, ...axes.map(() => 1)]))
  return { outputs: [biased ?? y] }
}

/**
 * Y[n, o, p] = B[o] + sum over c, k of W[o, c, k] X[n, c, p stride + k dilation - before], c within the group of o.
 * dX[n, c, q] = sum over o and the p, k with p stride + k dilation - before = q of W[o, c, k] dY[n, o, p];
 * dW[o, c, k] = sum over n, p of dY[n, o, p] X[n, c, p stride + k dilation - before]; dB[o] = sum over n, p of dY[n, o, p].
 */
export const Conv = defineOp('Conv', {
  shape: convShape,
  gradient: (context) => {
    const { emit, needs } = context
    const [dy] = context.gradients
    if (!dy) return []
    const x = required(context, 0)
    const w = required(context, 1)
    const { axes, groups } = convolutionOf(context)
    const block = x.type === 'float32' ? emit.channelBlock : undefined
    const positions = dy.dims.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
    return [
      needs[0]
        ? inputGradientForm(x.dims, w.dims, axes, groups, block)(emit, dy, w, axes, groups)
        : undefined,
      needs[1]
        ? weightGradientForm(x.dims, w.dims, axes, groups, block)(emit, x, dy, axes, groups)
        : undefined,
      needs[2] ? reduceSum(emit, dy, positions) : undefined,
    ]
  },
  squares: (context) => {
    const { emit, needs, carries, samples } = context
    const [dy] = context.gradients
    const x = required(context, 0)
    if (!dy || !carries[0] || x.dims[0] !== samples) return []
    const { axes, groups } = convolutionOf(context)
    return [
      undefined,
      needs[1] ? finished(weightSquares({ emit, x, dy, axes, groups })) : undefined,
      needs[2] ? finished(biasSquares(emit, dy)) : undefined,
    ]
  },
  rows: rowsFirst,
  form: convForm,
  cases: convCases,
})
