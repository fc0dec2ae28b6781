import { byReversedKernel, byTransposedConvolution, type InputGradient } from './conv-input-gradient.ts'
import { byShifting, byUnfolding, type WeightGradient } from './conv-weight-gradient.ts'
import { extent, type WindowAxis } from './windows.ts'

/** The form of dX that measures fastest for a shape (docs/performance.md, Convolution). */
export function inputGradientForm(axes: readonly WindowAxis[]): InputGradient {
  const reversible = axes.every(
    (axis) => axis.stride === 1 && axis.before < extent(axis) && axis.after < extent(axis),
  )
  return reversible ? byReversedKernel : byTransposedConvolution
}

/** The form of dW that measures fastest for a shape (docs/performance.md, Convolution). */
export function weightGradientForm(
  _weights: readonly number[],
  axes: readonly WindowAxis[],
  groups: number,
): WeightGradient {
  const [rows] = axes
  const shiftable = groups === 1 && axes.length <= 2 && (axes.length === 1 || rows?.stride === 1)
  return shiftable ? byShifting : byUnfolding
}
