import { sizeOf } from '../tensor/tensor.ts'
import { byReversedKernel, byTransposedConvolution, type InputGradient } from './conv-input-gradient.ts'
import {
  byGathering,
  bySamples,
  byShifting,
  byUnfolding,
  type WeightGradient,
} from './conv-weight-gradient.ts'
import { extent, outputSizes, type WindowAxis } from './windows.ts'

// The one place where forms are chosen by shape. Measured: docs/performance.md, "Convolution"; bench/conv-forms.ts.

/** An index for Gather holds one number a window and kernel place; beyond this it costs more memory than it saves time. */
const LARGEST_INDEX = 2 ** 20

/** Below this many channels a Gather copies too little at a time. */
const FEW_CHANNELS = 16

/** With fewer positions than this, writing each sample's own product costs as much as computing it. */
const FEW_POSITIONS = 128

/** From this many outputs on the product of the gathered input runs well enough for its one pass of copying to win. */
const MANY_OUTPUTS = 64

/** The form of dX that measures fastest for weights [O, C / groups, kernel..]. */
export function inputGradientForm(
  weights: readonly number[],
  axes: readonly WindowAxis[],
  groups: number,
): InputGradient {
  const [outputs = 1, perGroup = 1] = weights
  const reversible = axes.every(
    (axis) => axis.stride === 1 && axis.before < extent(axis) && axis.after < extent(axis),
  )
  return reversible && outputs <= perGroup * groups ? byReversedKernel : byTransposedConvolution
}

/** The form of dW that measures fastest for weights [O, C / groups, kernel..]. */
export function weightGradientForm(
  weights: readonly number[],
  axes: readonly WindowAxis[],
  groups: number,
): WeightGradient {
  const [outputs = 1, perGroup = 1, ...kernel] = weights
  const positions = sizeOf(outputSizes(axes))
  const places = sizeOf(kernel)
  if (groups > 1) return byUnfolding
  if (places === 1) {
    // Without a product a sample both sides are transposed first; with one, each sample's O x C is written and summed.
    return outputs * perGroup < ((outputs + perGroup) * positions) / 2 ? bySamples : byUnfolding
  }
  if (perGroup < FEW_CHANNELS) return bySamples
  const shiftable = axes.length === 2 && axes.every((axis) => axis.stride === 1)
  if (shiftable && positions >= FEW_POSITIONS && outputs < MANY_OUTPUTS) return byShifting
  return places * positions <= LARGEST_INDEX ? byGathering : byUnfolding
}
