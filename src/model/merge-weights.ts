import { UsageError } from '../errors.ts'
import { itemAt } from '../required.ts'
import { float32, sameDims, type Tensor } from '../tensor/tensor.ts'

/** The weights of one model among several of the same network. */
export interface MergePart {
  /** For messages. */
  readonly name: string
  readonly weights: ReadonlyMap<string, Tensor>
  /** How much it counts beside the others, above 0. Default 1. */
  readonly share?: number | undefined
  /** How much each weight matters to it, 0 or more, by name: its Fisher's diagonal. All parts have it, or none. */
  readonly importance?: ReadonlyMap<string, Tensor> | undefined
}

/**
 * The weights of several models of one network as one set. With shares s_k the mean,
 *
 *     theta = sum_k s_k theta_k / sum_k s_k
 *
 * or where each model says how much its weights matter, weight by weight sum_k s_k F_k theta_k / sum_k s_k F_k (Matena & Raffel 2022,
 * NeurIPS, arXiv 2111.09832), and the mean where none of them matters to any. What is the same in all stays so, to the last bit. What has
 * no importance (running statistics) is the mean.
 *
 * @throws UsageError `merge-parts` for fewer than two, a share that is not above 0, or importance of some parts alone; `merge-weights` for weights that
 * one has and another has not, or in other dims; `merge-importance` for importance of other weights, in other dims, or below 0.
 * @example
 * const merged = mergeWeights([{ name: 'north', weights: north }, { name: 'south', weights: south }])
 */
export function mergeWeights(parts: readonly MergePart[]): ReadonlyMap<string, Tensor> {
  const first = checked(parts)
  return new Map([...first.weights].map(([name, tensor]) => [name, mergedTensor(name, tensor, parts)]))
}

function checked(parts: readonly MergePart[]): MergePart {
  const refuse = (what: string): never => {
    throw new UsageError('merge-parts', what)
  }
  if (parts.length < 2) refuse(`Two or more models are needed to merge; there is ${parts.length}.`)
  for (const { name, share = 1 } of parts) {
    if (!(share > 0 && Number.isFinite(share)))
      refuse(`The share of ${name} is to be above 0; it is ${share}.`)
  }
  const [without, withSome] = [true, false].map((none) =>
    parts.find(({ importance }) => (importance === undefined) === none),
  )
  if (without && withSome) {
    refuse(
      `${withSome.name} says how much its weights matter and ${without.name} does not: give the importance of all models, or of none.`,
    )
  }
  const first = itemAt(parts, 0, 'part')
  for (const part of parts) checkWeights(first, part)
  return first
}

function checkWeights(first: MergePart, { name, weights, importance = new Map() }: MergePart): void {
  const missing =
    [...first.weights.keys()].find((key) => !weights.has(key)) ??
    [...weights.keys()].find((key) => !first.weights.has(key))
  if (missing !== undefined) {
    const [one, other] = weights.has(missing) ? [name, first.name] : [first.name, name]
    throw new UsageError(
      'merge-weights',
      `${one} has a weight "${missing}" and ${other} has none: only models of the same network can be merged.`,
    )
  }
  for (const [key, { dims, type }] of weights) {
    const own = first.weights.get(key)
    if (own && sameDims(own.dims, dims) && own.type === type) continue
    throw new UsageError(
      'merge-weights',
      `"${key}" is ${type} [${dims.join(', ')}] in ${name} and ${own?.type} [${own?.dims.join(', ')}] in ${first.name}: only models of the same network can be merged.`,
    )
  }
  for (const [key, tensor] of importance) {
    const own = weights.get(key)
    const wrong = own
      ? !sameDims(own.dims, tensor.dims)
        ? `is [${tensor.dims.join(', ')}] for a weight of [${own.dims.join(', ')}]`
        : (tensor.data as Float32Array).some((value) => !(value >= 0)) &&
          'has numbers below 0, or that are none'
      : 'is of a weight that the model has not'
    if (!wrong) continue
    throw new UsageError(
      'merge-importance',
      `The importance of "${key}" for ${name} ${wrong}. Take the Fisher of that model itself.`,
    )
  }
}

function mergedTensor(name: string, { type, dims, data: own }: Tensor, parts: readonly MergePart[]): Tensor {
  const columns = parts.map(({ weights }) => (weights.get(name) as Tensor).data as Float32Array)
  if (columns.every((column) => column.every((value, at) => Object.is(value, (own as Float32Array)[at]))))
    return { type, dims, data: own } as Tensor
  if (type !== 'float32') {
    throw new UsageError(
      'merge-weights',
      `"${name}" is ${type} and differs between the models; only float32 weights can be averaged.`,
    )
  }
  const shares = parts.map(({ share = 1 }) => share)
  const importances = parts.map(({ importance }) => importance?.get(name)?.data as Float32Array | undefined)
  const merged = float32(dims)
  for (let at = 0; at < merged.data.length; at++) {
    const value = Number(own instanceof Float32Array ? own[at] : Number.NaN)
    const factors = shares.map((share, part) => share * Number(importances[part]?.[at] ?? 0))
    const matters = factors.some((factor) => factor > 0)
    const used = matters ? factors : shares
    const total = used.reduce((sum, factor) => sum + factor, 0)
    // About the first model's own value, so that what is the same in all stays to the last bit.
    const apart = columns.reduce(
      (sum, column, part) => sum + Number(used[part]) * (Number(column[at]) - value),
      0,
    )
    merged.data[at] = value + apart / total
  }
  return merged
}
