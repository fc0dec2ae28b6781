import { ModelError, UsageError } from '../errors.ts'
import type { Node } from '../onnx/graph.ts'
import { add, attributeReader, nodeLabel, scale, type Value } from '../ops/core/index.ts'
import { dropout as counterDropout } from '../ops/elementwise/index.ts'
import { sizeOf, toNumbers } from '../tensor/tensor.ts'
import type { ReplayTarget } from './blocks/index.ts'

const MEAN = 3
const VARIANCE = 4

/**
 * Batch normalisation by the running statistics, or in training by the batch's own, with the statistics that come
 * after. As in PyTorch, whose models these are, the running variance follows the unbiased variance of the batch (sum
 * over n - 1), where ONNX's definition takes the biased one (sum over n).
 */
export function batchNormalization(
  builder: ReplayTarget,
  node: Node,
  inputs: readonly (Value | undefined)[],
  training: boolean,
): { outputs: readonly Value[]; buffers?: ReadonlyMap<number, Value> } {
  const { training_mode: _, ...rest } = node.attributes
  const request = { op: node.op, inputs, name: node.name }
  if (!training) return { outputs: builder.add({ ...request, count: 1, attributes: rest }) }
  const [x, weight, bias, mean, variance] = inputs
  if (!x || !weight || !bias || !mean || !variance) {
    throw new ModelError('missing-input', `${nodeLabel(node)} needs five inputs; some are left out.`)
  }
  const perChannel = sizeOf(x.dims) / (x.dims[1] ?? 1)
  if (perChannel < 2) {
    throw new ModelError(
      'batch-too-small',
      `${nodeLabel(node)}: one value a channel has no variance to normalise by. Train with batches of two samples or more.`,
    )
  }
  const momentum = attributeReader(node.attributes, nodeLabel(node)).float('momentum', 0.9)
  const [y, nextMean, nextVariance] = builder.add({
    ...request,
    count: 3,
    attributes: { ...rest, training_mode: 1 },
  })
  if (!y || !nextMean || !nextVariance)
    throw new ModelError('no-output', `${nodeLabel(node)} gave no statistics.`)
  // after = m old + (1 - m) biased; wanted is m old + (1 - m) biased n / (n - 1).
  const unbias = perChannel / (perChannel - 1)
  const unbiased = add(
    builder,
    scale(builder, nextVariance, unbias),
    scale(builder, variance, momentum * (1 - unbias)),
  )
  return {
    outputs: [y],
    buffers: new Map([
      [MEAN, nextMean],
      [VARIANCE, unbiased],
    ]),
  }
}

/**
 * Dropout drops in training and passes on otherwise; the masks of two nodes differ by `index`. There is no second
 * output: a graph that reads the mask cannot be specialised.
 */
export function dropout(request: {
  readonly builder: ReplayTarget
  readonly node: Node
  readonly inputs: readonly (Value | undefined)[]
  readonly index: number
  readonly training: boolean
  readonly seed?: Value | undefined
}): readonly Value[] {
  const { builder, node, inputs, index, training, seed } = request
  const label = nodeLabel(node)
  const [x] = inputs
  if (!x) throw new ModelError('missing-input', `${label}: input 0 is required but left out.`)
  const ratio = ratioOf(node, inputs[1], label)
  if (!training || ratio === 0) return [x]
  if (!seed) {
    throw new UsageError(
      'dropout-seed',
      `${label} is to drop ${ratio * 100} % in training, but no dropout seed was given. Pass one that differs from step to step.`,
    )
  }
  return [counterDropout(builder, x, ratio, seed, index)]
}

/** An input since opset 12, an attribute before; default one half. */
function ratioOf(node: Node, input: Value | undefined, label: string): number {
  const given = attributeReader(node.attributes, label).float('ratio', 0.5)
  if (!input) return given
  if (!input.constant) {
    throw new ModelError('not-constant', `${label}: its ratio is computed at run time. Make it a constant.`)
  }
  return toNumbers(input.constant)[0] ?? given
}
