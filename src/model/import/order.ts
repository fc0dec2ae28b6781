import { ModelError } from '../../errors.ts'
import { type Graph, type Node, outputName } from '../../onnx/graph.ts'
import { subgraphsOf } from '../../onnx/walk.ts'
import { nodeLabel } from '../../ops/core/index.ts'
import { itemAt } from '../../required.ts'

/**
 * The graph with every node behind those that it reads from, and the graphs inside it likewise: files need not keep that
 * order, but walks over a graph go by it. The same graph where the order is there.
 *
 * @throws ModelError `graph-cycle` for a value that is computed from itself.
 */
export function inOrder(graph: Graph): Graph {
  const nodes = graph.nodes.map(withSubgraphsInOrder)
  const changed = nodes.some((node, at) => node !== graph.nodes[at])
  const sorted = sortedNodes(graph.name, changed ? nodes : graph.nodes)
  return sorted === graph.nodes ? graph : { ...graph, nodes: sorted }
}

function withSubgraphsInOrder(node: Node): Node {
  const changed = Object.entries(node.attributes).flatMap(([key, attribute]) => {
    if (typeof attribute !== 'object' || !('kind' in attribute) || attribute.kind !== 'graph') return []
    const value = inOrder(attribute.value)
    return value === attribute.value ? [] : [[key, { ...attribute, value }] as const]
  })
  if (changed.length === 0) return node
  return { ...node, attributes: { ...node.attributes, ...Object.fromEntries(changed) } }
}

/** Kahn's algorithm, first in first out, so that a list that is in order comes back as it is. */
function sortedNodes(name: string, nodes: readonly Node[]): readonly Node[] {
  const producer = new Map<string, number>()
  nodes.forEach((node, at) => {
    for (const output of node.outputs) if (output !== '') producer.set(output, at)
  })
  const missing = new Array<number>(nodes.length).fill(0)
  const readers = nodes.map((): number[] => [])
  let ordered = true
  nodes.forEach((node, at) => {
    for (const read of new Set(namesRead(node))) {
      const from = producer.get(read)
      if (from === undefined) continue
      if (from >= at) ordered = false
      missing[at] = itemAt(missing, at, 'node') + 1
      readers[from]?.push(at)
    }
  })
  if (ordered) return nodes
  const ready = nodes.flatMap((_, at) => (missing[at] === 0 ? [at] : []))
  for (let next = 0; next < ready.length; next++) {
    for (const reader of itemAt(readers, itemAt(ready, next, 'node'), 'node')) {
      missing[reader] = itemAt(missing, reader, 'node') - 1
      if (missing[reader] === 0) ready.push(reader)
    }
  }
  if (ready.length < nodes.length) throw cycle(name, nodes[missing.findIndex((count) => count > 0)])
  return ready.map((at) => itemAt(nodes, at, 'node'))
}

const cycle = (graph: string, node: Node | undefined): ModelError =>
  new ModelError(
    'graph-cycle',
    `Graph ${JSON.stringify(graph)}: ${node ? nodeLabel({ op: node.op, name: node.name || outputName(node, 0) }) : 'a node'} needs what is computed from its own output. The model is damaged: export it again.`,
  )

/** What a node reads, its subgraphs' readings from outside among it. */
function namesRead(node: Node): readonly string[] {
  const inside = subgraphsOf(node).flatMap(({ inputs, initializers, nodes, outputs }) => {
    const own = new Set([
      ...inputs.map(({ name }) => name),
      ...initializers.keys(),
      ...nodes.flatMap((inner) => inner.outputs),
    ])
    return [...nodes.flatMap(namesRead), ...outputs.map(({ name }) => name)].filter((name) => !own.has(name))
  })
  return inside.length === 0 ? node.inputs : [...node.inputs, ...inside]
}
