import { float } from '../../onnx/graph.ts'
import { sizeOf } from '../../tensor/tensor.ts'
import {
  add,
  broadcastSquares,
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
  type ShapeContext,
  type SquaresContext,
  type SquareTerm,
  scalar,
  scale as scaled,
  square,
  sumTo,
  type Value,
} from '../core/index.ts'

export const isTraining = (context: Pick<ShapeContext, 'attributes'>): boolean =>
  context.attributes.int('training_mode', 0) !== 0

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
export function trainingForm(emit: Emitter, context: ShapeContext): Formed | undefined {
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
export function inferenceGradient(context: GradientContext, dy: Value): (Value | undefined)[] {
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
export function trainingGradient(context: GradientContext, dy: Value): (Value | undefined)[] {
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
export function batchSquares(context: SquaresContext): (SquareTerm | undefined)[] {
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
