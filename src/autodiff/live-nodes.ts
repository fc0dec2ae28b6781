import type { Attribute, Graph, Node, ValueInfo } from '../onnx/graph.ts'

/** Every name a node reads, those its subgraphs take from outside among them. */
function inputsOf(node: Node): readonly string[] {
  const inner = insideOf(node)
  return inner.length === 0 ? node.inputs : [...node.inputs, ...inner]
}

/** The names that a node's subgraphs take from outside. */
function insideOf({ attributes }: Node): readonly string[] {
  let names: readonly string[] = []
  for (const key in attributes) {
    const attribute = attributes[key]
    if (attribute !== undefined && isGraph(attribute)) names = [...names, ...outsideNames(attribute.value)]
  }
  return names
}

/** Found once a subgraph: nearly all nodes of a training step are in the body of its `Scan`. */
const outsideNamesOf = new WeakMap<Graph, readonly string[]>()

function outsideNames(graph: Graph): readonly string[] {
  const found = outsideNamesOf.get(graph)
  if (found) return found
  const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()])
  const outside = new Set<string>()
  for (const node of graph.nodes) {
    for (const name of inputsOf(node)) if (!own.has(name)) outside.add(name)
    for (const name of node.outputs) own.add(name)
  }
  for (const { name } of graph.outputs) if (!own.has(name)) outside.add(name)
  const names = [...outside]
  outsideNamesOf.set(graph, names)
  return names
}

const isGraph = (attribute: Attribute): attribute is Extract<Attribute, { kind: 'graph' }> =>
  typeof attribute === 'object' && 'kind' in attribute && attribute.kind === 'graph'

/** The nodes that the outputs depend on, and every name that they read. */
export function liveNodes(
  nodes: readonly Node[],
  outputs: readonly ValueInfo[],
): { live: Node[]; needed: ReadonlySet<string> } {
  const needed = new Set(outputs.map((out) => out.name))
  const live: Node[] = []
  for (let at = nodes.length - 1; at >= 0; at--) {
    const node = nodes[at]
    if (!node?.outputs.some((out) => needed.has(out))) continue
    live.push(node)
    for (const input of inputsOf(node)) needed.add(input)
  }
  return { live: live.reverse(), needed }
}

/**
 * Drops the Identity in front of an output where its source is a node's own output used for nothing else by that
 * name: the node then writes the output itself, and nothing is copied.
 */
export function writeOutputs(nodes: readonly Node[], outputs: readonly ValueInfo[]): Node[] {
  const outputNames = new Set(outputs.map((out) => out.name))
  const sources = new Set<string>()
  for (const { op, inputs } of nodes) if (op === 'Identity' && inputs[0] !== undefined) sources.add(inputs[0])
  const produced = new Set<string>()
  const inSubgraphs = new Set<string>()
  for (const node of nodes) {
    for (const name of node.outputs) if (sources.has(name)) produced.add(name)
    for (const name of insideOf(node)) if (sources.has(name)) inSubgraphs.add(name)
  }
  const renamed = new Map<string, string>()
  const dropped = new Set<Node>()
  for (const node of nodes) {
    const [source = ''] = node.inputs
    const [target = ''] = node.outputs
    const plain = node.op === 'Identity' && outputNames.has(target)
    if (
      !plain ||
      !produced.has(source) ||
      renamed.has(source) ||
      outputNames.has(source) ||
      inSubgraphs.has(source)
    )
      continue
    renamed.set(source, target)
    dropped.add(node)
  }
  const rename = (name: string) => renamed.get(name) ?? name
  const concerns = (name: string) => renamed.has(name)
  return nodes
    .filter((node) => !dropped.has(node))
    .map((node) =>
      node.inputs.some(concerns) || node.outputs.some(concerns)
        ? { ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }
        : node,
    )
}
