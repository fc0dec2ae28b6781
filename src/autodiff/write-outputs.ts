import type { Node, ValueInfo } from '../onnx/graph.ts'
import { readInside } from '../onnx/walk.ts'

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
    for (const name of readInside(node)) if (sources.has(name)) inSubgraphs.add(name)
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
