import type { Graph, Node } from '../onnx/graph.ts'
import { subgraphsOf } from '../onnx/walk.ts'
import { type Tensor, toNumbers } from '../tensor/tensor.ts'
import { webgpuKernels } from './webgpu-kernels.ts'

// What WebGPU's provider has no kernel for, or none that can be used.

/** In a file's numbers. */
const FLOAT64 = 11

/** A graph's constants by name. */
export type Constants = (name: string) => Tensor | undefined

/** What the provider claims and fails at, or computes wrongly and says nothing: scripts/webgpu-cases.ts finds these. */
const failing: readonly {
  readonly what: string
  readonly ops: readonly string[]
  readonly when: (node: Node, constant: Constants) => boolean
}[] = [
  { what: 'MaxPool with indices', ops: ['MaxPool'], when: ({ outputs }) => Boolean(outputs[1]) },
  {
    what: 'InstanceNormalization with an epsilon other than 1e-5',
    ops: ['InstanceNormalization'],
    when: ({ attributes: { epsilon } }) =>
      typeof epsilon === 'object' &&
      'kind' in epsilon &&
      epsilon.kind === 'float' &&
      Math.abs(epsilon.value - 1e-5) > 1e-9,
  },
  {
    what: 'Slice by steps below -1',
    ops: ['Slice'],
    when: ({ inputs }, constant) => numbersOf(inputs[4], constant).some((step) => step < -1),
  },
  { what: 'Pad that wraps', ops: ['Pad'], when: ({ attributes }) => attributes.mode === 'wrap' },
  {
    what: 'Resize of channels-last images',
    ops: ['Resize'],
    when: ({ inputs, attributes }, constant) => {
      const [, rows, , channels] = numbersOf(inputs[2], constant)
      return attributes.mode === 'linear' && channels === 1 && rows !== 1
    },
  },
  {
    what: 'a reduction of no axis',
    ops: ['ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceSumSquare'],
    when: ({ inputs, attributes }, constant) =>
      Number(attributes.noop_with_empty_axes ?? 0) === 1 && numbersOf(inputs[1], constant).length === 0,
  },
]

const numbersOf = (name: string | undefined, constant: Constants): readonly number[] => {
  const found = name ? constant(name) : undefined
  return found ? toNumbers(found) : []
}

/** Whether some of what is lacking cannot be left to another provider either, as this one takes it. */
export const claimedInVain = ({ lacking }: { readonly lacking: ReadonlyMap<string, number> }): boolean =>
  failing.some(({ what }) => lacking.has(what))

/** What the provider has no kernel for, or none that can be used. */
function withoutKernel(node: Node, constant: Constants): string | undefined {
  const { op, domain, attributes } = node
  if (domain !== '' || op === 'Constant') return undefined
  if (!webgpuKernels.has(op)) return op
  if (op === 'Cast' && attributes.to === FLOAT64) return 'Cast to float64'
  return failing.find(({ ops, when }) => ops.includes(op) && when(node, constant))?.what
}

/** Ops, and forms of some, and how many nodes each. */
export function lackingIn(graph: Graph): Map<string, number> {
  const counts = new Map<string, number>()
  const visit = ({ nodes, initializers }: Graph): void => {
    for (const node of nodes) {
      const what = withoutKernel(node, (name) => initializers.get(name))
      if (what) counts.set(what, (counts.get(what) ?? 0) + 1)
      for (const inner of subgraphsOf(node)) visit(inner)
    }
  }
  visit(graph)
  return counts
}
