import type { Attribute, Graph, Node } from './graph.ts'

/** The graphs that a node holds: bodies of loops and branches. */
export const subgraphsOf = ({ attributes }: Node): readonly Graph[] => {
  let graphs: readonly Graph[] = []
  for (const key in attributes) {
    const attribute = attributes[key]
    if (attribute !== undefined && isGraph(attribute)) graphs = [...graphs, attribute.value]
  }
  return graphs
}

const isGraph = (attribute: Attribute): attribute is Extract<Attribute, { kind: 'graph' }> =>
  typeof attribute === 'object' && 'kind' in attribute && attribute.kind === 'graph'

/** The names that a node's subgraphs take from outside. */
export function readInside(node: Node): readonly string[] {
  let names: readonly string[] = []
  for (const graph of subgraphsOf(node)) names = [...names, ...outsideNames(graph)]
  return names
}

/** Every name that a node reads, those that its subgraphs take from outside among them. */
export function namesRead(node: Node): readonly string[] {
  const inner = readInside(node)
  return inner.length === 0 ? node.inputs : [...node.inputs, ...inner]
}

/** Found once a subgraph: nearly all nodes of a training step are in the body of its `Scan`. */
const outsideNamesOf = new WeakMap<Graph, readonly string[]>()

function outsideNames(graph: Graph): readonly string[] {
  const found = outsideNamesOf.get(graph)
  if (found) return found
  const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()])
  const outside = new Set<string>()
  for (const node of graph.nodes) {
    for (const name of namesRead(node)) if (!own.has(name)) outside.add(name)
    for (const name of node.outputs) own.add(name)
  }
  for (const { name } of graph.outputs) if (!own.has(name)) outside.add(name)
  const names = [...outside]
  outsideNamesOf.set(graph, names)
  return names
}

/**
 * The nodes that these values depend on, in order, and every name that is read on the way.
 *
 * @param known Values that are there already: nothing behind them is needed.
 * @param reads What a node needs; default all that it reads.
 */
export function nodesBehind(
  nodes: readonly Node[],
  wanted: Iterable<string>,
  known: (name: string) => boolean = () => false,
  reads: (node: Node) => readonly string[] = namesRead,
): { readonly nodes: Node[]; readonly read: ReadonlySet<string> } {
  const read = new Set(wanted)
  const found: Node[] = []
  for (let at = nodes.length - 1; at >= 0; at--) {
    const node = nodes[at]
    if (!node?.outputs.some((name) => name !== '' && read.has(name) && !known(name))) continue
    found.push(node)
    for (const name of reads(node)) read.add(name)
  }
  return { nodes: found.reverse(), read }
}
