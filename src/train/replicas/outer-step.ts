import { itemAt, required } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** What is made of a round's mean. */
export interface OuterStep {
  /** Of the outer step; 1 goes to the mean itself. */
  readonly rate: number
  /** Nesterov momentum of the outer steps; 0 has none. */
  readonly momentum: number
}

type Tensors = ReadonlyMap<string, Tensor>

const PARAMETER = 'parameter/'

/**
 * The state after a round of local steps, from what replicas came to. With theta where the round began, m the mean of the replicas'
 * parameters, d = theta - m and v the outer momentum:
 *
 *     v <- mu v + d,    theta <- theta - eta (d + mu v)
 *
 * (DiLoCo, Douillard et al. 2023, arXiv 2311.08105, in PyTorch's form of Nesterov momentum). With eta = 1 and mu = 0 this is local SGD
 * (Stich 2019, arXiv 1805.09767): theta <- m, and the mean of one replica is what it came to, to the last bit. Everything else that steps
 * change (statistics of batch norms, the optimiser's moments, a method's slots) becomes its mean.
 *
 * @param delivered of at least one replica, always in the same order: sums of floats depend on it
 * @returns the state, and v by the names of the parameters (none where mu is 0)
 */
export function outerStep(
  start: Tensors,
  delivered: readonly Tensors[],
  velocity: Tensors,
  { rate, momentum }: OuterStep,
): { readonly state: Map<string, Tensor>; readonly velocity: Map<string, Tensor> } {
  const state = new Map<string, Tensor>()
  const next = new Map<string, Tensor>()
  for (const [name, before] of start) {
    const found = delivered.map((tensors) => required(tensors, name, 'tensor of a replica'))
    const first = itemAt(found, 0, 'replica')
    const means = meanOf(found)
    if (!means) {
      // Counters and the like go on alike everywhere.
      state.set(name, first)
    } else if (!name.startsWith(PARAMETER)) {
      state.set(
        name,
        withValues(first, (at) => itemAt(means, at, 'mean')),
      )
    } else {
      const theta = before.data as Float32Array
      const held = velocity.get(name)?.data as Float32Array | undefined
      const speeds = new Float32Array(momentum === 0 ? 0 : theta.length)
      state.set(
        name,
        withValues(first, (at) => {
          const mean = means[at] as number
          const difference = (theta[at] as number) - mean
          const speed = momentum * (held?.[at] ?? 0) + difference
          if (momentum !== 0) speeds[at] = speed
          // Written from the mean on, so that a rate of 1 gives it without rounding.
          return mean + (difference - rate * (difference + momentum * speed))
        }),
      )
      if (momentum !== 0) next.set(name, { type: 'float32', dims: before.dims, data: speeds })
    }
  }
  return { state, velocity: next }
}

/** Undefined for tensors that are no floating-point numbers. */
function meanOf(tensors: readonly Tensor[]): Float64Array | undefined {
  const { type, data } = itemAt(tensors, 0, 'replica')
  if (type !== 'float32' && type !== 'float64') return undefined
  const sums = new Float64Array((data as Float32Array).length)
  for (const each of tensors) {
    const values = each.data as Float32Array
    for (let at = 0; at < sums.length; at++) (sums[at] as number) += values[at] as number
  }
  for (let at = 0; at < sums.length; at++) (sums[at] as number) /= tensors.length
  return sums
}

/** A tensor of the same kind and dims. */
function withValues(like: Tensor, value: (at: number) => number): Tensor {
  const data = (like.data as Float32Array).slice()
  for (let at = 0; at < data.length; at++) data[at] = value(at)
  return { ...like, data } as Tensor
}
