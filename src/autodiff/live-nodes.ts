import type { Graph, Node } from '../onnx/graph.ts'

/** The nodes that `wanted` depends on, with their places in the graph. What is known needs no node. */
export function liveNodes(
  graph: Graph,
  wanted: readonly string[],
  known: (name: string) => boolean,
): [index: number, node: Node][] {
  const needed = new Set(wanted.filter((name) => !known(name)))
  const live: [number, Node][] = []
  for (let index = graph.nodes.length - 1; index >= 0; index--) {
    const node = graph.nodes[index]
    if (!node?.outputs.some((name) => name !== '' && needed.has(name))) continue
    live.push([index, node])
    for (const name of node.inputs) if (!known(name)) needed.add(name)
  }
  return live.reverse()
}

/** The name behind any Identity nodes: exporters let equal tensors share one initialiser that way. */
export function aliases(graph: Graph): (name: string) => string {
  const behind = new Map(
    graph.nodes.flatMap(({ op, inputs: [from], outputs: [to] }) =>
      op === 'Identity' && from !== undefined && to !== undefined ? [[to, from]] : [],
    ),
  )
  return (name) => {
    let source = name
    for (let next = behind.get(source); next !== undefined; next = behind.get(source)) source = next
    return source
  }
}
