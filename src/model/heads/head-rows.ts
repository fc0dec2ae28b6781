import { UsageError } from '../../errors.ts'
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import type { Model } from '../model.ts'
import type { Head } from './head.ts'

/**
 * Weights in which the old classes' rows of the head are those of `before`, and the others those of `after`.
 *
 * @param before The same tensors, of the same dims.
 * @param kept How many classes are old; they come first.
 */
export function withOldHead(
  head: Head,
  after: ReadonlyMap<string, Tensor>,
  before: ReadonlyMap<string, Tensor>,
  kept: number,
): Map<string, Tensor> {
  const weights = new Map(after)
  for (const [name, axis] of [
    [head.weight, head.classAxis],
    [head.bias, undefined],
  ] as const) {
    const [old, own] = [before.get(name ?? ''), after.get(name ?? '')]
    if (name === undefined || !old || !own) continue
    // A bias may have dims of 1 beside that of the classes.
    const along = axis ?? own.dims.indexOf(head.classes)
    weights.set(name, withOldRows(own as Tensor<'float32'>, old as Tensor<'float32'>, along, kept))
  }
  return weights
}

/** `after` with the first `kept` rows along `axis` those of `before`. */
function withOldRows(
  after: Tensor<'float32'>,
  before: Tensor<'float32'>,
  axis: number,
  kept: number,
): Tensor<'float32'> {
  const data = after.data.slice()
  const { dims } = after
  const inner = sizeOf(dims.slice(axis + 1))
  const block = inner * (dims[axis] ?? 1)
  for (let from = 0; from < data.length; from += block) {
    data.set(before.data.subarray(from, from + kept * inner), from)
  }
  return { ...after, data }
}

/**
 * A diagonal over a model's parameters for the model with a wider head: 0 in the rows of new classes, of which it knows nothing.
 *
 * @param diagonal By name; what the model does not have stays as it is.
 * @throws UsageError `fisher-dims` where a tensor's dims are not those of a parameter with as many classes or fewer.
 */
export function widerDiagonal(
  { parameters }: Pick<Model, 'parameters'>,
  diagonal: ReadonlyMap<string, Tensor<'float32'>>,
): Map<string, Tensor<'float32'>> {
  return new Map(
    [...diagonal].map(([name, tensor]) => {
      const dims = parameters.get(name)?.dims
      return [name, dims ? widerTensor(name, tensor, dims) : tensor]
    }),
  )
}

function widerTensor(name: string, tensor: Tensor<'float32'>, dims: readonly number[]): Tensor<'float32'> {
  const differing = dims.flatMap((dim, axis) => (dim === tensor.dims[axis] ? [] : [axis]))
  const [axis] = differing
  if (axis === undefined && tensor.dims.length === dims.length) return tensor
  const kept = tensor.dims[axis ?? 0] ?? 0
  const all = dims[axis ?? 0] ?? 0
  if (axis === undefined || differing.length > 1 || tensor.dims.length !== dims.length || kept > all) {
    throw new UsageError(
      'fisher-dims',
      `The Fisher of "${name}" is [${tensor.dims.join(', ')}], but the parameter is [${dims.join(', ')}]. Give the Fisher of the model that is updated.`,
    )
  }
  const wide = float32(dims)
  const inner = sizeOf(dims.slice(axis + 1))
  for (let at = 0; at * kept * inner < tensor.data.length; at++) {
    const block = tensor.data.subarray(at * kept * inner, (at + 1) * kept * inner)
    wide.data.set(block, at * all * inner)
  }
  return wide
}
