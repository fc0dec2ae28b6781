import { appendNodes, type NodesBehind } from '../../onnx/append-nodes.ts'
import { inputName, type Node, outputName } from '../../onnx/graph.ts'
import type { ModelProto } from '../../onnx/onnx_pb.ts'
import { required } from '../../required.ts'
import { floatsAs, isFloatType } from '../../tensor/convert.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { layersOfFile, nodesThroughout, storedTypes } from '../import/index.ts'
import type { LoraModel } from './lora.ts'
import { withUpdate } from './lora-graph.ts'
import { type Adapter, isPacked } from './lora-places.ts'

/** A file with updates as layers of their own, and the weights that are left to be written under their names. */
export interface WithPackedUpdates {
  readonly bytes: Uint8Array
  readonly weights: ReadonlyMap<string, Tensor>
}

/**
 * A model's file with the updates of layers of few bits beside them, x W + (x A^T) (s B)^T: two products and a sum a layer more,
 * in the type of the layer. Everything else of the file, its packed weights among it, stays as it is.
 *
 * @param weights As `mergeLora` gives them: the updates are taken out of them.
 */
export function withPackedUpdates(
  bytes: Uint8Array,
  model: ModelProto,
  lora: LoraModel,
  weights: ReadonlyMap<string, Tensor>,
): WithPackedUpdates {
  const packed = new Map(lora.adapters.flatMap((one) => (one.packed ? [[one.weight, one] as const] : [])))
  if (packed.size === 0) return { bytes, weights }
  const scale = lora.alpha / lora.rank
  const typeOf = storedTypes(model)
  const initializers = new Map<string, Tensor>()
  const changes = new Map<string, NodesBehind>()
  for (const node of nodesThroughout(layersOfFile(model))) {
    const adapter = isPacked(node) ? packed.get(inputName(node, 1)) : undefined
    if (!adapter) continue
    changes.set(outputName(node, 0), nodesBehind(node, adapter))
    const { a, b } = adapter
    const [left, right] = [a, b].map((name) => required(weights, name, 'trained update') as Tensor<'float32'>)
    // A layer computes in the type of its scales.
    const type = typeOf(inputName(node, 2)) ?? 'float32'
    const put = (name: string, tensor: Tensor<'float32'> | undefined): void => {
      if (tensor) initializers.set(name, isFloatType(type) ? floatsAs(tensor, type, name) : tensor)
    }
    put(a, left)
    put(
      b,
      right &&
        float32(
          right.dims,
          right.data.map((value) => scale * value),
        ),
    )
  }
  return {
    bytes: appendNodes(bytes, changes, initializers),
    weights: new Map([...weights].filter(([name]) => !initializers.has(name))),
  }
}

function nodesBehind(node: Node, adapter: Adapter): NodesBehind {
  const [base, ...nodes] = withUpdate(node, adapter, true)
  return { renamed: base ? outputName(base, 0) : '', nodes }
}
