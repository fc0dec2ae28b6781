import { UnsupportedOpError } from '../../errors.ts'
import { float } from '../../onnx/graph.ts'
import { sameDims, type TensorType } from '../../tensor/tensor.ts'
import {
  defineOp,
  required,
  rowsFirst,
  type ShapeContext,
  shapeError,
  type UpgradeContext,
} from '../core/index.ts'
import {
  batchSquares,
  inferenceGradient,
  isTraining,
  trainingForm,
  trainingGradient,
} from './batch-gradients.ts'
import { five, positive, trained, training } from './batch-normalization-cases.ts'
import { refuseStatistics } from './normalization.ts'

function batchShape(context: ShapeContext): TensorType[] {
  const x = required(context, 0)
  const channels = x.dims[1]
  if (channels === undefined) throw shapeError(context, 'needs dims [batch, channels, ...].')
  const perChannel = [1, 2, 3, 4].map((index) => required(context, index))
  if (perChannel.some(({ dims }) => !sameDims(dims, [channels])))
    throw shapeError(context, `scale, bias, mean and variance must have one number a channel (${channels}).`)
  if (context.outputs > 1 && !isTraining(context))
    throw shapeError(context, `has ${context.outputs} outputs, which only training_mode=1 gives.`)
  const statistic = { type: required(context, 3).type, dims: [channels] }
  return [{ type: x.type, dims: x.dims }, statistic, statistic]
}

/** `spatial` (before opset 9) is 1 by default, which is all that ONNX still has. */
function upgrade({ attributes, inputs }: UpgradeContext) {
  const { spatial, ...rest } = attributes
  if (spatial === 0) {
    throw new UnsupportedOpError(
      'batch-norm-spatial',
      'BatchNormalization with spatial=0 (statistics per position) left ONNX with opset 9. Export the model anew.',
    )
  }
  return { inputs, attributes: rest }
}

/**
 * y = scale (x - mean) / sqrt(variance + epsilon) + bias, per channel. With training_mode=1 mean and variance are the
 * batch's own, and the outputs 1 and 2 are momentum * running + (1 - momentum) * own, with the biased variance
 * (PyTorch takes the unbiased one there, and 1 - momentum for momentum).
 */
export const BatchNormalization = defineOp('BatchNormalization', {
  shape: batchShape,
  gradient: (context) => {
    const [dy] = context.gradients
    refuseStatistics(context)
    if (!dy) return []
    return isTraining(context) ? trainingGradient(context, dy) : inferenceGradient(context, dy)
  },
  squares: batchSquares,
  rows: (context) => !isTraining(context) && rowsFirst(context),
  form: trainingForm,
  upgrade,
  cases: [
    { name: 'images', inputs: five([2, 3, 2, 2]) },
    { name: 'sequences', inputs: five([2, 3, 4]) },
    { name: 'rows', inputs: five([4, 3]) },
    { name: 'no samples', inputs: five([0, 3, 2]) },
    { name: 'volumes, a batch of one', inputs: five([1, 2, 2, 3, 2]) },
    { name: 'momentum without training', inputs: five([4, 3]), attributes: { momentum: float(0.5) } },
    { name: 'epsilon', inputs: five([4, 3]), attributes: { epsilon: float(0.2) } },
    {
      name: 'gradients of the statistics',
      inputs: [{ dims: [3, 2, 2] }, positive([2]), { dims: [2] }, { dims: [2] }, positive([2])],
    },
    { name: 'float64', inputs: five([2, 3, 2]).map((input) => ({ ...input, type: 'float64' as const })) },
    { name: 'squares of scale', inputs: five([4, 3, 2, 2], 'scale') },
    { name: 'squares of bias', inputs: five([4, 3, 5], 'bias') },
    { name: 'squares of scale, rows', inputs: five([4, 3], 'scale') },
    { name: 'opset 9', inputs: five([2, 3, 2]), attributes: { momentum: float(0.8) }, opset: 9 },
    { name: 'opset 14', inputs: five([2, 3, 2]), attributes: { training_mode: 0 }, opset: 14 },
    { name: 'opset 7', inputs: five([2, 3, 2]), attributes: { spatial: 1 }, opset: 7 },
    { name: 'training, images', inputs: five([3, 2, 2, 2]), ...trained },
    { name: 'training, rows', inputs: five([5, 3]), ...trained },
    {
      name: 'training, momentum and epsilon',
      inputs: five([3, 2, 3]),
      ...trained,
      attributes: { ...training, momentum: float(0.3), epsilon: float(0.1) },
    },
    {
      name: 'training, float64',
      inputs: five([3, 2, 3]).map((input) => ({ ...input, type: 'float64' as const })),
      ...trained,
    },
  ],
})
