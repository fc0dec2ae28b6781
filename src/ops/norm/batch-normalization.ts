import { UnsupportedOpError } from '../../errors.ts'
import { float } from '../../onnx/graph.ts'
import { sameDims, sizeOf, type TensorType } from '../../tensor/tensor.ts'
import {
  add,
  broadcastSquares,
  defineOp,
  dimOf,
  div,
  type Emitter,
  type Formed,
  filled,
  type GradientContext,
  mul,
  neg,
  reduceSum,
  required,
  reshape,
  rowsFirst,
  type ShapeContext,
  type SquaresContext,
  type SquareTerm,
  scalar,
  scale as scaled,
  shapeError,
  square,
  sumTo,
  type UpgradeContext,
  type Value,
} from '../core/index.ts'
import { five, positive, trained, training } from './batch-normalization-cases.ts'
import { refuseStatistics } from './normalization.ts'

const isTraining = (context: Pick<ShapeContext, 'attributes'>): boolean =>
  context.attributes.int('training_mode', 0) !== 0

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

/** Sums over space, [batch, channels]. Over the last axis first: faster than over both at once (docs/performance.md). */
function spatialSums(emit: Emitter, x: Value): Value {
  const [batch = 0, channels = 0, ...space] = x.dims
  return space.length === 0 ? x : reduceSum(emit, reshape(emit, x, [batch, channels, sizeOf(space)]), [2])
}

/**
 * (x - shift) factor + level, one number a channel each, by the runtime's kernel. Broadcasting [channels, 1, 1] takes twice as
 * long where a channel has few positions, and as long where it has many.
 */
function alongChannels(
  emit: Emitter,
  x: Value,
  terms: { factor?: Value; shift?: Value; level?: Value },
): Value {
  const like = terms.factor ?? terms.shift ?? x
  const {
    factor = filled(emit, 1, like),
    level = filled(emit, 0, like),
    shift = filled(emit, 0, like),
  } = terms
  const inputs = [x, factor, level, shift, filled(emit, 1, like)]
  return emit.op('BatchNormalization', inputs, { epsilon: float(0) })
}

/** 1 / sqrt(variance + epsilon) */
const inverseDeviation = (emit: Emitter, variance: Value, epsilon: number): Value =>
  div(
    emit,
    scalar(emit, 1, variance),
    emit.op('Sqrt', [add(emit, variance, scalar(emit, epsilon, variance))]),
  )

const channelTotal = (emit: Emitter, sums: Value): Value => sumTo(emit, sums, [dimOf(sums, 1)])

/** The batch's own mean and (biased) variance, one a channel, and x less its mean. */
function batchStatistics(emit: Emitter, x: Value): { centred: Value; mean: Value; variance: Value } {
  const share = (x.dims[1] ?? 1) / sizeOf(x.dims)
  const mean = scaled(emit, channelTotal(emit, spatialSums(emit, x)), share)
  const centred = alongChannels(emit, x, { shift: mean })
  const variance = scaled(emit, channelTotal(emit, spatialSums(emit, square(emit, centred))), share)
  return { centred, mean, variance }
}

/**
 * Training mode made of ops that every runtime has right: ONNX Runtime 1.30 computes training_mode=1 in place. Unless the
 * running statistics that come out are outputs of the graph, it writes them over those that went in, be they initialisers
 * (also ones shared with the scale), memory of the caller, or values read again later.
 *
 * The gradient needs x only less its mean, so y is made of that, too, and the memory of x is free from there on.
 */
function trainingForm(emit: Emitter, context: ShapeContext): Formed | undefined {
  if (!isTraining(context)) return undefined
  const [x, weight, bias, before, varianceBefore] = [0, 1, 2, 3, 4].map((index) => required(context, index))
  if (!x || !weight || !bias || !before || !varianceBefore) return undefined
  const { centred, mean, variance } = batchStatistics(emit, x)
  const epsilon = float(context.attributes.float('epsilon', 1e-5))
  const y = emit.op('BatchNormalization', [centred, weight, bias, filled(emit, 0, mean), variance], {
    epsilon,
  })
  const momentum = context.attributes.float('momentum', 0.9)
  const running = (old: Value, now: Value) =>
    add(emit, scaled(emit, old, momentum), scaled(emit, now, 1 - momentum))
  return { outputs: [y, running(before, mean), running(varianceBefore, variance)], kept: [centred, variance] }
}

/** xhat for fixed statistics, in one call of the runtime's kernel with a scale of ones. */
function normalized(context: GradientContext): Value {
  const { emit } = context
  const [x, mean, variance] = [required(context, 0), required(context, 3), required(context, 4)]
  const inputs = [x, filled(emit, 1, mean), filled(emit, 0, mean), mean, variance]
  return emit.op('BatchNormalization', inputs, { epsilon: float(context.attributes.float('epsilon', 1e-5)) })
}

/** With fixed statistics: dx = dy scale / deviation; the statistics are inputs like others. */
function inferenceGradient(context: GradientContext, dy: Value): (Value | undefined)[] {
  const { emit, needs } = context
  const weight = required(context, 1)
  const variance = required(context, 4)
  const inverse = inverseDeviation(emit, variance, context.attributes.float('epsilon', 1e-5))
  const rate = mul(emit, weight, inverse)
  const sumOfD = () => channelTotal(emit, spatialSums(emit, dy))
  const sumOfProduct = () => channelTotal(emit, spatialSums(emit, mul(emit, dy, normalized(context))))
  return [
    needs[0] ? alongChannels(emit, dy, { factor: rate }) : undefined,
    needs[1] ? sumOfProduct() : undefined,
    needs[2] ? sumOfD() : undefined,
    needs[3] ? neg(emit, mul(emit, rate, sumOfD())) : undefined,
    needs[4] ? scaled(emit, mul(emit, mul(emit, rate, inverse), sumOfProduct()), -0.5) : undefined,
  ]
}

/**
 * Through the batch's own statistics, n elements a channel, with c = x - mean and r = 1 / deviation:
 *
 *     dx = scale r (dy - sum(dy) / n - c r^2 sum(dy c) / n),   dscale = r sum(dy c),   dbias = sum(dy)
 *
 * that is dy A + c B + C with numbers A, B, C per channel; dy A + C is one call of the runtime's kernel.
 */
function trainingGradient(context: GradientContext, dy: Value): (Value | undefined)[] {
  const { emit, needs, kept } = context
  const [centred, variance] = kept ?? []
  if (!centred || !variance) return []
  const inverse = inverseDeviation(emit, variance, context.attributes.float('epsilon', 1e-5))
  const sumOfD = channelTotal(emit, spatialSums(emit, dy))
  const dscale = mul(emit, inverse, channelTotal(emit, spatialSums(emit, mul(emit, dy, centred))))
  const dx = () => {
    const rate = mul(emit, required(context, 1), inverse)
    const share = scaled(emit, rate, -(dy.dims[1] ?? 1) / sizeOf(dy.dims))
    const own = alongChannels(emit, dy, { factor: rate, level: mul(emit, share, sumOfD) })
    const along = mul(emit, mul(emit, share, inverse), dscale)
    return add(emit, own, alongChannels(emit, centred, { factor: along }))
  }
  return [needs[0] ? dx() : undefined, needs[1] ? dscale : undefined, needs[2] ? sumOfD : undefined]
}

/** Samples meet in the batch's statistics, so only fixed ones leave per-sample gradients apart. */
function batchSquares(context: SquaresContext): (SquareTerm | undefined)[] {
  const { emit, needs, carries, samples } = context
  const [dy] = context.gradients
  if (!dy || !carries[0] || isTraining(context)) return []
  const term = (x: Value) => broadcastSquares(emit, spatialSums(emit, x), [dimOf(dy, 1)], samples)
  return [
    undefined,
    needs[1] ? term(mul(emit, dy, normalized(context))) : undefined,
    needs[2] ? term(dy) : undefined,
  ]
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
