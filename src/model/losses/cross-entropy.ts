import { UsageError } from '../../errors.ts'
import {
  add,
  cast,
  type Emitter,
  ints,
  mul,
  reduceSum,
  reshape,
  scalar,
  scale,
  type Value,
} from '../../ops/core/index.ts'
import { elements, masked, matrixDims, oneHot, spread, total } from './classes.ts'

export interface CrossEntropyOptions {
  /** 1 for classes that take part, 0 for others: [C], or [B, C] for a mask a sample. Default all. */
  readonly mask?: Value
  /** Share of each target that is spread evenly over the classes that take part. Default 0. */
  readonly labelSmoothing?: number
  /** One factor a sample, [B]; the mean is still over B. Default 1 each. */
  readonly weights?: Value
}

/**
 * Mean over the batch of the negative log-likelihood -log softmax(logits)[label], a scalar. The softmax goes over the
 * classes of the mask only. Its gradient is (softmax - target) / B.
 *
 * @param logits [B, C]
 * @param labels int32 or int64 [B]; each must be among the classes of its mask, or the loss becomes about 1e30.
 * @throws UsageError `loss-dims`, `label-smoothing`.
 * @example
 * const loss = crossEntropy(builder, logits, labels, { labelSmoothing: 0.1 })
 */
export function crossEntropy(
  emit: Emitter,
  logits: Value,
  labels: Value,
  options: CrossEntropyOptions = {},
): Value {
  const { mask, labelSmoothing = 0, weights } = options
  const [batch, classes] = matrixDims('crossEntropy', logits)
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new UsageError(
      'label-smoothing',
      `Label smoothing is a share in [0, 1), but it is ${labelSmoothing}.`,
    )
  }
  const share = (1 - labelSmoothing) / batch
  // The sign and the mean are in the targets already, so that nothing but a product and a sum is left to do.
  const sharp = oneHot(emit, labels, [batch, classes], -share, logits)
  const even = labelSmoothing > 0 ? spread(emit, logits, mask, -labelSmoothing / batch) : undefined
  const targets = even ? add(emit, sharp, even) : sharp
  const weighted = weights ? mul(emit, targets, reshape(emit, weights, [batch, 1])) : targets
  return total(emit, mul(emit, emit.op('LogSoftmax', [masked(emit, logits, mask)], { axis: -1 }), weighted))
}

/**
 * The negative log-likelihood of each row, [B]: what {@link crossEntropy} is the mean of.
 *
 * @param logits [B, C]
 * @param labels int32 or int64 [B]
 * @throws UsageError `loss-dims`.
 */
export function rowCrossEntropies(
  emit: Emitter,
  logits: Value,
  labels: Value,
  { mask }: Pick<CrossEntropyOptions, 'mask'> = {},
): Value {
  const [batch, classes] = matrixDims('rowCrossEntropies', logits)
  const targets = oneHot(emit, labels, [batch, classes], -1, logits)
  const shares = emit.op('LogSoftmax', [masked(emit, logits, mask)], { axis: -1 })
  return reduceSum(emit, mul(emit, shares, targets), [1])
}

/** The label of a position that does not count, as PyTorch and Hugging Face have it. */
export const IGNORED_LABEL = -100

/**
 * Mean cross-entropy over the positions of sequences, a scalar; positions labelled {@link IGNORED_LABEL} do not count, and where none does
 * the loss is 0. With weights it is the weighted mean: a position has its sample's.
 *
 * @param logits [N, ..., C]
 * @param labels int32 or int64 [N, ...]
 * @param options The mask and the weights have a row a sample: [C], [1, C] or [N, C], and [N].
 * @throws UsageError `loss-dims`
 */
export function positionCrossEntropy(
  emit: Emitter,
  logits: Value,
  labels: Value,
  options: CrossEntropyOptions = {},
): Value {
  const classes = logits.dims.at(-1) ?? 1
  const positions = elements(labels)
  if (logits.dims.slice(0, -1).join() !== labels.dims.join()) {
    throw new UsageError(
      'loss-dims',
      `Labels of positions are [N, T] beside logits [N, T, C], but got [${labels.dims}] and [${logits.dims}].`,
    )
  }
  const { mask, weights: given } = options
  const { known, weights } = knownPositions(emit, labels, logits, given)
  const mean = crossEntropy(emit, reshape(emit, logits, [positions, classes]), known, {
    ...options,
    weights,
    ...(mask ? { mask: elements(mask) === classes ? mask : repeated(emit, mask, labels, classes) } : {}),
  })
  return emit.op('Div', [
    scale(emit, mean, positions),
    add(emit, total(emit, weights), scalar(emit, ALMOST_NOTHING, logits)),
  ])
}

/** One row a position from one row a sample, [N, width] to [positions, width]. */
function repeated(emit: Emitter, rows: Value, labels: Value, width: number): Value {
  const [samples = 1] = labels.dims
  const positions = elements(labels)
  const each = positions / samples
  const spread = emit.op('Expand', [
    reshape(emit, rows, [samples, 1, width]),
    ints(emit, [samples, each, width]),
  ])
  return reshape(emit, spread, [positions, width])
}

/** Labels [positions] with 0 where a position does not count, and what each counts, 0 there. */
function knownPositions(
  emit: Emitter,
  labels: Value,
  like: Value,
  given: Value | undefined,
): { readonly known: Value; readonly weights: Value } {
  const positions = elements(labels)
  const flat = reshape(emit, labels, [positions])
  const number = (value: number): Value =>
    emit.constant(
      labels.type === 'int32'
        ? { type: 'int32', dims: [], data: Int32Array.of(value) }
        : { type: 'int64', dims: [], data: BigInt64Array.of(BigInt(value)) },
    )
  const ignored = emit.op('Equal', [flat, number(IGNORED_LABEL)])
  const counting = cast(emit, emit.op('Not', [ignored]), like.type)
  const known = emit.op('Where', [ignored, number(0), flat])
  return {
    known,
    weights: given
      ? mul(emit, counting, reshape(emit, repeated(emit, given, labels, 1), [positions]))
      : counting,
  }
}

/**
 * Rows or positions as {@link crossEntropy} or {@link positionCrossEntropy} count them: labels [rows], and the share of each in the mean.
 *
 * @param labels [N] or [N, ...]
 * @param weights One factor a sample, [N].
 */
export function countedPositions(
  emit: Emitter,
  labels: Value,
  like: Value,
  weights: Value | undefined,
): { readonly known: Value; readonly shares: Value } {
  if (labels.dims.length === 1) {
    const [rows = 1] = labels.dims
    const even = scalar(emit, 1 / rows, like)
    return {
      known: labels,
      shares: weights
        ? mul(emit, reshape(emit, weights, [rows]), even)
        : emit.op('Expand', [even, ints(emit, [rows])]),
    }
  }
  const { known, weights: counting } = knownPositions(emit, labels, like, weights)
  const sum = add(emit, total(emit, counting), scalar(emit, ALMOST_NOTHING, like))
  return { known, shares: emit.op('Div', [counting, sum]) }
}

/** Keeps 0 / 0 from being NaN, and changes no sum of weights. */
const ALMOST_NOTHING = 1e-30

/**
 * Mean cross-entropy of the next token, a scalar: the logits at each position against the label of the one after it, as
 * Hugging Face's causal language models shift them. Positions labelled {@link IGNORED_LABEL} do not count.
 *
 * @param logits [N, T, V]
 * @param labels int32 or int64 [N, T]: the token ids.
 * @throws UsageError `loss-dims`
 */
export function causalCrossEntropy(emit: Emitter, logits: Value, labels: Value): Value {
  const [samples, positions = 0] = logits.dims
  if (logits.dims.length !== 3 || labels.dims.join() !== [samples, positions].join() || positions < 2) {
    throw new UsageError(
      'loss-dims',
      `A causal language model has logits [N, T, V] and labels [N, T] with T from 2 on, but got [${logits.dims}] and [${labels.dims}].`,
    )
  }
  const part = (x: Value, from: number, to: number): Value =>
    emit.op('Slice', [x, ints(emit, [from]), ints(emit, [to]), ints(emit, [1])])
  return positionCrossEntropy(emit, part(logits, 0, positions - 1), part(labels, 1, positions))
}
