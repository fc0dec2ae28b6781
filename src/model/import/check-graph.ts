import { ModelError } from '../../errors.ts'
import { type Graph, type Node, outputName, type ValueInfo } from '../../onnx/graph.ts'

/** Ops that multiply with their weights: without elements nothing comes of them. */
const products: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul'])

/**
 * Holds a graph to what any reader of it takes for granted: every value is made once, and weights have elements.
 *
 * @throws ModelError `graph-duplicate` when two nodes, or a node and an input or initialiser, have a value of one name;
 * `weight-empty` for a weight with a dim of 0; `input-dims`, `output-dims` for fixed sizes that no model has.
 */
export function checkGraph({ name, inputs, outputs, initializers, nodes }: Graph): void {
  for (const input of inputs) checkDims('input', input, MOST_READ)
  for (const output of outputs) checkDims('output', output, MOST_GIVEN)
  const makers = new Map<string, string>([
    ...inputs.map((info): [string, string] => [info.name, 'an input']),
    ...Array.from(initializers.keys(), (key): [string, string] => [key, 'an initialiser']),
  ])
  for (const node of nodes) {
    const label = `${node.op} ${JSON.stringify(node.name || outputName(node, 0))}`
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

/** Numbers in an input of fixed dims, and classes or numbers in an output: far beyond any model, short of what fills memory. */
const MOST_READ = 2 ** 28
const MOST_GIVEN = 2 ** 28

/** What is done with a size that a file claims is done before anything shows that it is true. */
function checkDims(kind: 'input' | 'output', { name, dims }: ValueInfo, most: number): void {
  const fixed = (dims ?? []).filter((dim) => typeof dim === 'number')
  const size = fixed.reduce((product, dim) => product * Math.max(dim, 1), 1)
  if (size <= most) return
  throw new ModelError(
    `${kind}-dims`,
    `The ${kind} ${JSON.stringify(name)} is declared with dims [${dims}], which is ${size} numbers; ${most} is the most that is taken. The model is damaged: export it again.`,
  )
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
