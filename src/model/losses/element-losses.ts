import { UsageError } from '../../errors.ts'
import { add, type Emitter, ints, mul, reshape, scale, sub, type Value } from '../../ops/core/index.ts'
import { elements, likeFloat, total } from './classes.ts'

export interface ElementLossOptions {
  /** As in {@link CrossEntropyOptions.mask}; the mean goes over the elements that take part. */
  readonly mask?: Value
  /** One factor a sample, [B]; the mean is still over all elements that take part. Default 1 each. */
  readonly weights?: Value
}

/**
 * Mean over all elements of -(t log p + (1 - t) log(1 - p)) with p = sigmoid(logits), a scalar. Stable for any logit:
 * log p and log(1 - p) are the log-softmax of the pair (logit, 0).
 *
 * @param targets In [0, 1], dims of the logits.
 */
export function binaryCrossEntropy(
  emit: Emitter,
  logits: Value,
  targets: Value,
  options: ElementLossOptions = {},
): Value {
  const column = (x: Value): Value => reshape(emit, x, [...x.dims, 1])
  const pair = (a: number, b: number): Value => emit.constant(likeFloat(logits, [a, b]))
  const logs = emit.op('LogSoftmax', [mul(emit, column(logits), pair(1, 0))], { axis: -1 })
  const shares = add(emit, mul(emit, column(targets), pair(1, -1)), pair(0, 1))
  const { mask } = options
  const weighted = mul(emit, weigh(emit, logs, options.weights), shares)
  if (!mask) return scale(emit, total(emit, weighted), -1 / Math.max(1, elements(logits)))
  const taking = column(emit.op('Expand', [mask, ints(emit, logits.dims)]))
  const sum = total(emit, mul(emit, weighted, taking))
  return emit.op('Div', [emit.op('Neg', [sum]), total(emit, taking)])
}

/** Mean over all elements of (a - b)^2, a scalar. */
export function meanSquaredError(
  emit: Emitter,
  a: Value,
  b: Value,
  options: Pick<ElementLossOptions, 'weights'> = {},
): Value {
  if (a.dims.join() !== b.dims.join()) {
    throw new UsageError(
      'loss-dims',
      `meanSquaredError compares tensors of equal dims, but got [${a.dims}] and [${b.dims}].`,
    )
  }
  const difference = sub(emit, a, b)
  const squares = mul(emit, weigh(emit, difference, options.weights), difference)
  return scale(emit, total(emit, squares), 1 / Math.max(1, elements(a)))
}

/** Rows of `x` [B, ...] times one factor each. */
const weigh = (emit: Emitter, x: Value, weights: Value | undefined): Value =>
  weights
    ? mul(
        emit,
        x,
        reshape(
          emit,
          weights,
          x.dims.map((dim, axis) => (axis === 0 ? dim : 1)),
        ),
      )
    : x
