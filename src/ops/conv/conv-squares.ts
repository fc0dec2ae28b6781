import { sizeOf } from '../../tensor/tensor.ts'
import { type Emitter, reduceSum, reshape, square, type Value } from '../core/index.ts'
import { placesLast, productsBySample } from './conv-weight-gradient.ts'
import type { WindowAxis } from './windows.ts'

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
  const channels = x.dims[1] ?? 1
  const outputs = dy.dims[1] ?? 1
  const perSample = productsBySample(emit, x, dy, axes, groups)
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
