import { sizeOf } from '../tensor/tensor.ts'
import { placesLast } from './conv-weight-gradient.ts'
import type { Emitter, Value } from './define.ts'
import { reduceSum, reshape, square, swapLast } from './emit.ts'
import { windowSlices } from './unfold.ts'
import { outputSizes, type WindowAxis } from './windows.ts'

export interface ConvolutionSquares {
  readonly emit: Emitter
  /** [N, C, ..]: one sample a row. */
  readonly x: Value
  /** [N, O, ..] */
  readonly dy: Value
  readonly axes: readonly WindowAxis[]
  readonly groups: number
}

/** Per sample dW_n = dY_n (unfolded X_n)^T, contracted over positions before it is squared: sum over n of (dY_n U_n^T)^2. */
export function weightSquares({ emit, x, dy, axes, groups }: ConvolutionSquares): Value {
  const [samples = 1, channels = 1] = x.dims
  const outputs = dy.dims[1] ?? 1
  const positions = sizeOf(outputSizes(axes))
  const places = windowSlices(emit, x, axes).map((slice) =>
    reshape(emit, slice, [samples, groups, channels / groups, positions]),
  )
  const [only] = places
  const unfolded = places.length === 1 && only ? only : emit.op('Concat', places, { axis: 2 })
  const d = reshape(emit, dy, [samples, groups, outputs / groups, positions])
  const perSample = emit.op('MatMul', [d, swapLast(emit, unfolded)])
  return placesLast(
    emit,
    reduceSum(emit, square(emit, perSample), [0]),
    outputs,
    channels / groups,
    axes.map((axis) => axis.kernel),
  )
}

/** Sum over n of (sum over p of dY[n, o, p])^2. */
export function biasSquares(emit: Emitter, dy: Value): Value {
  const [samples = 1, outputs = 1] = dy.dims
  const perSample = reduceSum(emit, reshape(emit, dy, [samples, outputs, sizeOf(dy.dims.slice(2))]), [2])
  return reduceSum(emit, square(emit, perSample), [0])
}
