import { ModelError } from '../../errors.ts'
import type { Graph, Node } from '../../onnx/graph.ts'

/** Ops that multiply with their weights: without elements nothing comes of them. */
const products: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul'])

/**
 * Holds a graph to what any reader of it takes for granted: every value is made once, and weights have elements.
 *
 * @throws ModelError `graph-duplicate` when two nodes, or a node and an input or initialiser, have a value of one name;
 * `weight-empty` for a weight with a dim of 0.
 */
export function checkGraph({ name, inputs, initializers, nodes }: Graph): void {
  const makers = new Map<string, string>([
    ...inputs.map((info): [string, string] => [info.name, 'an input']),
    ...Array.from(initializers.keys(), (key): [string, string] => [key, 'an initialiser']),
  ])
  for (const node of nodes) {
    const label = `${node.op} ${JSON.stringify(node.name || (node.outputs[0] ?? ''))}`
    for (const output of node.outputs) {
      if (output === '') continue
      const maker = makers.get(output)
      if (maker !== undefined) {
        throw new ModelError(
          'graph-duplicate',
          `Graph ${JSON.stringify(name)}: the value ${JSON.stringify(output)} is made twice, by ${maker} and by ${label}, but each may be made once only. The model is damaged: export it again.`,
        )
      }
      makers.set(output, label)
    }
    checkWeights(node, label, initializers)
  }
}

function checkWeights(node: Node, label: string, initializers: Graph['initializers']): void {
  if (node.domain !== '' || !products.has(node.op)) return
  for (const name of node.inputs) {
    const dims = initializers.get(name)?.dims
    if (!dims?.includes(0)) continue
    throw new ModelError(
      'weight-empty',
      `${label}: its weight ${JSON.stringify(name)} has the dims [${dims}], so it holds no elements, but one or more along each dim were expected. The model is damaged: export it again.`,
    )
  }
}
