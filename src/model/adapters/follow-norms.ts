import type { Tensor } from '../../tensor/tensor.ts'
import type { Model } from '../model.ts'

/** Places of the running mean and variance among the inputs of BatchNormalization. */
const STATISTICS = 3

/**
 * The model with the running statistics of its batch norms as buffers, where they are constants: in training these norms take each
 * batch's own statistics and the running ones follow; at inference answers stay what they were. What `modelFromOnnx` gives with
 * `batchNorm: 'train'`. A model without such norms comes back as it is.
 *
 * @example
 * const { buffers } = followNorms(model) // 'stage3.norm1.running_mean', …
 */
export function followNorms(model: Model): Model {
  const { initializers, nodes } = model.graph
  const names = new Set(
    nodes.flatMap(({ op, inputs }) => (op === 'BatchNormalization' ? inputs.slice(STATISTICS) : [])),
  )
  const statistics = [...initializers].filter(([name]) => names.has(name))
  if (statistics.length === 0) return model
  const constants = new Map<string, Tensor>(initializers)
  for (const [name] of statistics) constants.delete(name)
  return {
    ...model,
    graph: { ...model.graph, initializers: constants },
    buffers: new Map([...model.buffers, ...statistics]),
  }
}
