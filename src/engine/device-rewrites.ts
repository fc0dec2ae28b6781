import { type Attributes, type Node, outputName } from '../onnx/graph.ts'
import { float32, int64, type Tensor, toNumbers } from '../tensor/tensor.ts'
import type { Constants } from './failing-kernels.ts'

// Ops that a device has no kernel for, as others that it has.

/** What a node becomes: nodes that use names of their own beginning with `own`, and constants. */
interface Rewritten {
  readonly nodes: readonly Node[]
  readonly initializers: readonly (readonly [string, Tensor])[]
}

/** @returns undefined where the node may stay. */
type Rewrite = (node: Node, own: string, constant: Constants) => Rewritten | undefined

export const plain = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Attributes = {},
): Node => ({
  ...{ op, domain: '', name: `/${output}`, inputs, outputs: [output], attributes },
})

/** x less its greatest, less the logarithm of the sum of the exponentials of that. */
const logSoftmax: Rewrite = (node, own) => {
  const [x = ''] = node.inputs
  const { axis = -1 } = node.attributes
  const [axes, top, less, powers, sum, log] = ['axes', 'top', 'less', 'powers', 'sum', 'log'].map(
    (part) => `${own}/${part}`,
  ) as [string, string, string, string, string, string]
  return {
    nodes: [
      plain('ReduceMax', [x, axes], top, { keepdims: 1 }),
      plain('Sub', [x, top], less),
      plain('Exp', [less], powers),
      plain('ReduceSum', [powers, axes], sum, { keepdims: 1 }),
      plain('Log', [sum], log),
      plain('Sub', [less, log], outputName(node, 0)),
    ],
    initializers: [[axes, int64([1], [Number(axis)])]],
  }
}

/** Whether x is positive less whether it is negative, as numbers. */
const sign: Rewrite = (node, own) => {
  const [x = ''] = node.inputs
  const [zero, above, below, one, other] = ['zero', 'above', 'below', 'one', 'other'].map(
    (part) => `${own}/${part}`,
  ) as [string, string, string, string, string]
  return {
    nodes: [
      plain('Greater', [x, zero], above),
      plain('Less', [x, zero], below),
      plain('Cast', [above], one, { to: 1 }),
      plain('Cast', [below], other, { to: 1 }),
      plain('Sub', [one, other], outputName(node, 0)),
    ],
    initializers: [[zero, float32([1], [0])]],
  }
}

/** A shader binds a tensor each, and devices let it bind so many at the least (WebGPU, maxStorageBuffersPerShaderStage). */
const MOST_BOUND = 8

/** A `Split` into more parts than a shader could bind, as slices. Its sizes have to be known. */
const split: Rewrite = (node, own, constant) => {
  const [x = '', sizes = ''] = node.inputs
  const known = node.outputs.length < MOST_BOUND ? undefined : constant(sizes)
  if (!known) return undefined
  const bounds = [0]
  for (const size of toNumbers(known)) bounds.push((bounds.at(-1) ?? 0) + size)
  const { axis = 0 } = node.attributes
  return {
    nodes: node.outputs.map((output, at) =>
      plain('Slice', [x, `${own}/bound/${at}`, `${own}/bound/${at + 1}`, `${own}/axis`], output),
    ),
    initializers: [
      [`${own}/axis`, int64([1], [Number(axis)])],
      ...bounds.map((bound, at) => [`${own}/bound/${at}`, int64([1], [bound])] as const),
    ],
  }
}

export const rewrites: ReadonlyMap<string, Rewrite> = new Map([
  ['LogSoftmax', logSoftmax],
  ['Sign', sign],
  ['Split', split],
])
