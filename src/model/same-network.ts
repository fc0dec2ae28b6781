import type { Node } from '../onnx/graph.ts'
import { outputName } from '../onnx/graph.ts'
import { sameDims, type Tensor } from '../tensor/tensor.ts'
import { type Model, weightsOf } from './model.ts'

/**
 * What makes two models other networks, in words that say where, of the first and the second; undefined where they differ in the values of weights alone. Names of nodes
 * say nothing.
 */
export function networkDifference(a: Model, b: Model): string | undefined {
  return (
    differsIn('classes', a.classes, b.classes) ??
    weightDifference(weightsOf(a), weightsOf(b)) ??
    nodeDifference(a.graph.nodes, b.graph.nodes) ??
    constantDifference(a.graph.initializers, b.graph.initializers)
  )
}

const shown = (names: readonly string[]): string =>
  names.length > 6 ? `${names.slice(0, 6).join(', ')}, …` : names.join(', ')

function differsIn(what: string, a: readonly string[], b: readonly string[]): string | undefined {
  if (a.join('\n') === b.join('\n')) return undefined
  return `the ${what} are ${a.length} (${shown(a)}) in the first and ${b.length} (${shown(b)}) in the second`
}

type Tensors = ReadonlyMap<string, Tensor>

function weightDifference(a: Tensors, b: Tensors): string | undefined {
  for (const [name, { dims }] of a) {
    const other = b.get(name)
    if (!other) return `the weight "${name}" is in the first alone`
    if (!sameDims(dims, other.dims))
      return `the weight "${name}" is [${dims.join(', ')}] in the first and [${other.dims.join(', ')}] in the second`
  }
  const more = [...b.keys()].find((name) => !a.has(name))
  return more === undefined ? undefined : `the weight "${more}" is in the second alone`
}

function nodeDifference(a: readonly Node[], b: readonly Node[]): string | undefined {
  const at = a.findIndex((node, place) => textOf(node) !== textOf(b[place]))
  const place = at < 0 && b.length > a.length ? a.length : at
  if (place < 0) return undefined
  const said = (node: Node | undefined) => (node ? `${node.op} "${outputName(node, 0)}"` : 'nothing')
  return `node ${place} is ${said(a[place])} in the first and ${said(b[place])} in the second`
}

const textOf = (node: Node | undefined): string =>
  JSON.stringify(node && [node.op, node.domain, node.inputs, node.outputs, node.attributes], (_, value) =>
    typeof value === 'bigint' ? `${value}` : value instanceof Map ? [...value] : value,
  ) ?? ''

function constantDifference(a: Tensors, b: Tensors): string | undefined {
  for (const [name, tensor] of a) {
    const other = b.get(name)
    if (other && sameValues(tensor, other)) continue
    return `the constant "${name}", which is no weight that trains, has other values`
  }
  return undefined
}

function sameValues(a: Tensor, b: Tensor): boolean {
  if (a.type !== b.type || !sameDims(a.dims, b.dims)) return false
  for (let at = 0; at < a.data.length; at++) if (!Object.is(a.data[at], b.data[at])) return false
  return true
}
