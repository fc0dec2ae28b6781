import type { Node } from '../../onnx/graph.ts'
import { namesRead } from '../../onnx/walk.ts'
import { findHead } from '../heads/index.ts'
import type { Model } from '../model.ts'

/** A convolution that a batch norm may have been folded into: names of its output and its parameters. */
export interface FoldedConv {
  readonly output: string
  readonly weight: string
  readonly bias: string
}

/** What reads a convolution that was normalised: an activation, or the sum of a residual. */
const behindNorms: ReadonlySet<string> = new Set([
  ...['Add', 'Celu', 'Clip', 'Elu', 'Gelu', 'HardSigmoid', 'HardSwish', 'LeakyRelu', 'Mish', 'Mul'],
  ...['PRelu', 'Relu', 'Selu', 'Sigmoid', 'Softplus', 'Softsign', 'Swish', 'Tanh', 'ThresholdedRelu'],
])

/**
 * The convolutions of an export that folded its batch norms: those whose weight and bias are parameters that nothing else
 * reads, before an activation or a sum. None in a model that has batch norms: they were not folded there.
 */
export function foldedConvs(model: Model): readonly FoldedConv[] {
  const { graph, parameters, output: logits } = model
  if (graph.nodes.some(({ op }) => op === 'BatchNormalization')) return []
  const head = findHead(model)?.weight
  const readers = readersIn(graph.nodes)
  const isOwn = (name: string) => parameters.has(name) && readers.get(name)?.length === 1
  return graph.nodes.flatMap(({ op, inputs, outputs }) => {
    const [, weight = '', bias = ''] = inputs
    const [output = ''] = outputs
    if (op !== 'Conv' || weight === head || output === logits || !isOwn(weight) || !isOwn(bias)) return []
    const read = readers.get(output) ?? []
    return read.every((node) => behindNorms.has(node.op)) ? [{ output, weight, bias }] : []
  })
}

function readersIn(nodes: readonly Node[]): ReadonlyMap<string, readonly Node[]> {
  const readers = new Map<string, Node[]>()
  for (const node of nodes) {
    for (const name of new Set(namesRead(node))) {
      const found = readers.get(name)
      if (found) found.push(node)
      else readers.set(name, [node])
    }
  }
  return readers
}
