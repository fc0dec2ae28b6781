import type { Head } from '../model/head.ts'
import { sizeOf, type Tensor } from '../tensor/tensor.ts'

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
