import { sizeOf } from '../../tensor/tensor.ts'
import type { Emitter, SquareTerm, Value } from './define.ts'
import { matmul, reduceSum, reshape, square, sumTo, transpose } from './emit.ts'

/** A term that is already of the parameter's dims. */
export const finished = (accumulate: Value): SquareTerm => ({ accumulate, finish: (_, sum) => sum })

/**
 * Squares for a parameter that was broadcast against activations: `elementwise` is dL/d(parameter) before the
 * broadcast is undone, samples along axis 0. Per sample it is summed down to `dims`, then squared, then summed over
 * samples.
 */
export function broadcastSquares(
  emit: Emitter,
  elementwise: Value,
  dims: readonly number[],
  samples: number,
): SquareTerm | undefined {
  const [rows = 0, ...rest] = elementwise.dims
  if (rows % samples !== 0 || dims.length > elementwise.dims.length) return undefined
  const padded = [...new Array<number>(elementwise.dims.length - dims.length).fill(1), ...dims]
  if (padded[0] !== 1) return undefined
  const perSample = reshape(emit, elementwise, [samples, rows / samples, ...rest])
  const summed = sumTo(emit, perSample, [samples, ...padded])
  return finished(reshape(emit, reduceSum(emit, square(emit, summed), [0]), dims))
}

/**
 * Squares for a matrix [in, out] that multiplies rows: `x` [.., in] and `d` = dL/d(x W) [.., out], both with samples
 * along axis 0. With one row a sample, sum_n (x_n d_n^T)^2 = (X^2)^T (D^2): one product. With several, positions are
 * contracted before squaring: sum_n (X_n^T D_n)^2.
 */
export function linearSquares(emit: Emitter, x: Value, d: Value, samples: number): SquareTerm | undefined {
  const inputs = x.dims.at(-1) ?? 1
  const outputs = d.dims.at(-1) ?? 1
  const rows = sizeOf(x.dims) / inputs
  if (rows % samples !== 0) return undefined
  if (rows === samples) {
    return {
      accumulate: square(emit, reshape(emit, d, [samples, outputs])),
      // X^2 is made where the sum is finished: `emit` may be the body of a loop over classes.
      finish: (to, sum) =>
        matmul(to, transpose(to, square(to, reshape(to, x, [samples, inputs])), [1, 0]), sum),
    }
  }
  const positions = rows / samples
  const xt = emit.op('Transpose', [reshape(emit, x, [samples, positions, inputs])], { perm: [0, 2, 1] })
  const perSample = emit.op('MatMul', [xt, reshape(emit, d, [samples, positions, outputs])])
  return finished(reduceSum(emit, square(emit, perSample), [0]))
}
