import { bytesOf } from '../../data/rows.ts'
import { sha256 } from '../../data/sha256.ts'
import type { Place } from '../../evaluate/cuts/index.ts'
import type { Model } from '../../model/model.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { nodesBehind } from '../../onnx/walk.ts'

/**
 * SHA-256 of all that lies below a cut: the nodes, and every weight, statistic and constant that they read. Activations there are of use to
 * another model with the same.
 */
export function trunkHash(model: Model, cut: Place): string {
  const { graph, parameters, buffers, opsets } = model
  const { nodes, read } = nodesBehind(graph.nodes, cut.values)
  const bare = { name: 'below', inputs: [], outputs: [], initializers: new Map(), nodes }
  const hash = sha256().update(JSON.stringify(cut.values)).update(encodeGraph(bare, { opsets }))
  // Statistics are constants of one reading of a file and buffers of another.
  const tensors = [...graph.initializers, ...parameters, ...buffers].filter(([name]) => read.has(name))
  for (const [name, tensor] of tensors.sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${JSON.stringify([name, tensor.type, tensor.dims])}\n`)
    hash.update(tensor.type === 'string' ? JSON.stringify(tensor.data) : bytesOf(tensor))
  }
  return hash.hex()
}
