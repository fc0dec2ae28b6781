import { sizeOf } from '../../tensor/tensor.ts'
import { byBlocksBack, convolvesBlockedBack } from './conv-blocked.ts'
import { byDepthwiseBlocksBack, depthwiseBlockedBack } from './conv-blocked-depthwise.ts'
import { byBlockedRows, sumsBlocked } from './conv-blocked-weight-gradient.ts'
import { byBlockedWindows, byBlockedWindowsBack, multipliesWindows } from './conv-blocked-windows.ts'
import { byReversedKernel, byTransposedConvolution, type InputGradient } from './conv-input-gradient.ts'
import {
  byChannelMatrices,
  byChannelMatricesBack,
  byChannelProducts,
  byOneProduct,
  byOneProductBack,
  byRowProducts,
  byUnfoldingMatrix,
  type Convolution,
  readingSize,
} from './conv-matrix.ts'
import {
  byGathering,
  bySamples,
  byShifting,
  byUnfolding,
  type WeightGradient,
} from './conv-weight-gradient.ts'
import { outputSizes, reversible, type WindowAxis } from './windows.ts'

// The one place where forms are chosen by shape. Measured: docs/performance.md, "Convolution"; bench/conv-forms.ts.

/** An index for Gather holds one number a window and kernel place; beyond this it costs more memory than it saves time. */
const LARGEST_INDEX = 2 ** 20

/** Below this many channels a Gather copies too little at a time. */
const FEW_CHANNELS = 16

/** With fewer positions than this, writing each sample's own product costs as much as computing it. */
const FEW_POSITIONS = 128

/** From this many outputs on the product of the gathered input runs well enough for its one pass of copying to win. */
const MANY_OUTPUTS = 64

/** Below this many positions a product a sample is too narrow for the runtime; one over all samples is several times faster. */
const NARROW = 16
/** A depthwise channel's matrix from inputs to outputs costs more than it saves from this size on. */
const LARGEST_CHANNEL_MATRIX = 4096

type Dims = readonly number[]

/** Whether one product over all samples beats one a sample. */
const fewPositions = ([samples = 1]: Dims, axes: readonly WindowAxis[], groups: number): boolean =>
  groups === 1 && samples > 1 && sizeOf(outputSizes(axes)) < NARROW && readingSize(axes) <= LARGEST_INDEX

/** Backwards the weights would have to be reversed or the products of each sample added up, so it pays at NARROW still. */
const narrowBack = (
  [samples = 1]: Dims,
  [, , ...kernel]: Dims,
  axes: readonly WindowAxis[],
  groups: number,
) => groups === 1 && samples > 1 && sizeOf(kernel) > 1 && sizeOf(outputSizes(axes)) === NARROW

const isDepthwise = ([outputs = 1, perGroup = 1]: Dims, groups: number): boolean =>
  groups > 1 && perGroup === 1 && outputs === groups

/** Whether every depthwise channel is worth a matrix of its own. */
const smallChannels = (w: Dims, axes: readonly WindowAxis[], groups: number): boolean =>
  isDepthwise(w, groups) &&
  sizeOf(outputSizes(axes)) * sizeOf(axes.map((axis) => axis.input)) <= LARGEST_CHANNEL_MATRIX

/** The form of Y for an input [N, C, ..] and weights [O, C / groups, kernel..]; undefined where Conv itself is fastest. */
export function convolutionForm(
  x: Dims,
  w: Dims,
  axes: readonly WindowAxis[],
  groups: number,
): Convolution | undefined {
  if (smallChannels(w, axes, groups)) return byChannelMatrices
  return fewPositions(x, axes, groups) ? byOneProduct : undefined
}

/**
 * The form of dX that measures fastest for an input [N, C, ..] and weights [O, C / groups, kernel..].
 *
 * @param block Channels in a block, where float32 values may be blocked.
 */
export function inputGradientForm(
  x: Dims,
  w: Dims,
  axes: readonly WindowAxis[],
  groups: number,
  block?: number,
): InputGradient {
  const [outputs = 1, perGroup = 1] = w
  if (block !== undefined) {
    if (depthwiseBlockedBack(w, axes, groups, block)) return byDepthwiseBlocksBack(block)
    if (convolvesBlockedBack(w, axes, groups, block)) return byBlocksBack(block)
  }
  if (smallChannels(w, axes, groups)) return byChannelMatricesBack
  if (fewPositions(x, axes, groups) || narrowBack(x, w, axes, groups)) {
    const blocked = block !== undefined && multipliesWindows(x, w, axes, groups, block)
    return blocked ? byBlockedWindowsBack(block) : byOneProductBack
  }
  const unstrided = axes.every(({ stride }) => stride === 1)
  // A kernel of one has nothing to reverse, only its channels to swap.
  const cheap = outputs <= perGroup * groups || axes.every((axis) => axis.kernel === 1)
  return unstrided && reversible(axes) && cheap ? byReversedKernel : byTransposedConvolution
}

/** The form of dW that measures fastest, of the same. */
export function weightGradientForm(
  x: Dims,
  w: Dims,
  axes: readonly WindowAxis[],
  groups: number,
  block?: number,
): WeightGradient {
  const [outputs = 1, perGroup = 1, ...kernel] = w
  if (block !== undefined) {
    if (fewPositions(x, axes, groups) && multipliesWindows(x, w, axes, groups, block)) return byBlockedWindows
    if (sumsBlocked(x, w, axes, groups, block)) return byBlockedRows
  }
  const positions = sizeOf(outputSizes(axes))
  const places = sizeOf(kernel)
  if (smallChannels(w, axes, groups)) return byChannelProducts
  if (isDepthwise(w, groups) && axes.length === 2) return byRowProducts
  if (groups > 1) return byUnfolding
  if (fewPositions(x, axes, groups)) return byUnfoldingMatrix
  if (places === 1) {
    // Without a product a sample both sides are transposed first; with one, each sample's O x C is written and summed.
    return outputs * perGroup < ((outputs + perGroup) * positions) / 2 ? bySamples : byUnfolding
  }
  if (perGroup < FEW_CHANNELS) return bySamples
  const shiftable = axes.length === 2 && axes.every((axis) => axis.stride === 1)
  if (shiftable && positions >= FEW_POSITIONS && outputs < MANY_OUTPUTS) return byShifting
  return places * positions <= LARGEST_INDEX ? byGathering : byUnfolding
}
