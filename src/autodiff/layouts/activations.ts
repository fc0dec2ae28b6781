import { inputName, type Node, outputName } from '../../onnx/graph.ts'
import { namesRead } from '../../onnx/walk.ts'
import { BLOCKED_DOMAIN } from '../../ops/core/index.ts'

/** Relu as a part of the blocked convolution before it, where nothing else reads that. Of nodes that are all needed. */
export function withActivations(nodes: readonly Node[]): Node[] {
  const readers = new Map<string, number>()
  for (const node of nodes)
    for (const name of namesRead(node)) readers.set(name, (readers.get(name) ?? 0) + 1)
  const activated = new Map<string, string>()
  for (const node of nodes) {
    const x = inputName(node, 0)
    if (node.op === 'Relu' && node.domain === '' && readers.get(x) === 1)
      activated.set(x, outputName(node, 0))
  }
  const taken = new Set<string>()
  const fused = nodes.map((node) => {
    const relu =
      node.domain === BLOCKED_DOMAIN && node.op === 'Conv' ? activated.get(outputName(node, 0)) : undefined
    if (relu === undefined) return node
    taken.add(relu)
    return { ...node, outputs: [relu], attributes: { ...node.attributes, activation: 'Relu' } }
  })
  return fused.filter((node) => !(node.op === 'Relu' && taken.has(outputName(node, 0))))
}
