import { add, div, type Emitter, mul, scalar, scale, square, sub, type Value } from '../../ops/core/index.ts'
import { type Optimiser, part } from './optimisers.ts'

/** How weights are pulled towards 0. */
export interface WeightDecay {
  /** Factor of the pull. */
  readonly rate: number
  /**
   * 'coupled' adds rate * theta to the gradient (L2, as PyTorch's `weight_decay`); 'decoupled' multiplies theta by
   * 1 - lr * rate (AdamW, Loshchilov & Hutter 2019). Default 'coupled'.
   */
  readonly kind?: 'coupled' | 'decoupled'
  /** Which parameters, by name. Default all. */
  readonly only?: (name: string) => boolean
}

/** `optimiser` with weight decay for some or all parameters, in PyTorch's order of operations. */
export function decayed(
  optimiser: Optimiser,
  decay: WeightDecay | undefined,
  name: string,
): Optimiser['update'] {
  if (!decay || decay.rate === 0 || decay.only?.(name) === false) return optimiser.update
  return (emit, update) => {
    const { parameter, gradient, scalars } = update
    if (decay.kind === 'decoupled') {
      const shrink = sub(emit, scalar(emit, 1, parameter), scale(emit, part(scalars, 0), decay.rate))
      return optimiser.update(emit, { ...update, parameter: mul(emit, parameter, shrink) })
    }
    return optimiser.update(emit, {
      ...update,
      gradient: add(emit, gradient, scale(emit, parameter, decay.rate)),
    })
  }
}

/**
 * Scales all gradients so that their common norm is at most `limit` (Pascanu et al. 2013, in PyTorch's form):
 * g <- g min(1, limit / (norm + 1e-6)).
 */
export function clipByGlobalNorm(
  emit: Emitter,
  gradients: ReadonlyMap<string, Value>,
  limit: number,
): ReadonlyMap<string, Value> {
  const squares = [...gradients.values()].map((gradient) =>
    emit.op('ReduceSum', [square(emit, gradient)], { keepdims: 0 }),
  )
  const total = squares.reduce<Value | undefined>(
    (sum, value) => (sum ? add(emit, sum, value) : value),
    undefined,
  )
  if (!total) return gradients
  const norm = add(emit, emit.op('Sqrt', [total]), scalar(emit, 1e-6, total))
  const bound = scalar(emit, limit, total)
  const factor = emit.op('Where', [
    emit.op('Greater', [norm, bound]),
    div(emit, bound, norm),
    scalar(emit, 1, total),
  ])
  return new Map([...gradients].map(([name, gradient]) => [name, mul(emit, gradient, factor)]))
}
