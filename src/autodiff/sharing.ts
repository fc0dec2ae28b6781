import type { Attributes } from '../onnx/graph.ts'
import type { Value } from '../ops/core/index.ts'
import type { Tensor } from '../tensor/tensor.ts'

const SMALL_CONSTANT = 64

/** Equal for equal small constants; undefined for large ones, which are not compared. */
export function constantKey({ type, dims, data }: Tensor): string | undefined {
  if (data.length > SMALL_CONSTANT) return undefined
  let key = `${type}[${dims}]`
  for (const value of data as ArrayLike<unknown> & Iterable<unknown>) key += `${keyPart(value)},`
  return key
}

/** -0 and 0 are different constants; a text may hold commas. */
const keyPart = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value) : Object.is(value, -0) ? '-0' : String(value)

/** Equal for nodes that compute the same; undefined where an attribute is not worth comparing. */
export function nodeKey(
  op: string,
  inputs: readonly (Value | undefined)[],
  count: number,
  attributes: Attributes,
): string | undefined {
  const key = [op, String(count)]
  for (const input of inputs) key.push(input?.name ?? '')
  const parts: string[] = []
  for (const name in attributes) {
    const attribute = attributes[name]
    if (
      typeof attribute === 'object' &&
      'kind' in attribute &&
      attribute.kind !== 'float' &&
      attribute.kind !== 'floats' &&
      attribute.kind !== 'strings'
    ) {
      return undefined
    }
    parts.push(
      typeof attribute === 'number' ? `${name}=${attribute}` : `${name}=${JSON.stringify(attribute)}`,
    )
  }
  if (parts.length > 1) parts.sort()
  return (parts.length > 0 ? key.concat(parts) : key).join('|')
}
