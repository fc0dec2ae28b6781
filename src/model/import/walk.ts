import type { Graph, Node } from '../../onnx/graph.ts'
import { subgraphsOf } from '../../onnx/walk.ts'

/** Every node of a graph, those in the bodies of loops and branches just before the node that holds them. */
export const nodesThroughout = ({ nodes }: Graph): readonly Node[] =>
  nodes.flatMap((node) => [...subgraphsOf(node).flatMap(nodesThroughout), node])

/** Names of the values that depend on an input of the graph. */
export function liveValues({ initializers, inputs, nodes }: Graph): ReadonlySet<string> {
  const live = new Set(inputs.map(({ name }) => name).filter((name) => !initializers.has(name)))
  for (const node of nodes) {
    if (node.inputs.some((name) => live.has(name))) for (const name of node.outputs) live.add(name)
  }
  return live
}
