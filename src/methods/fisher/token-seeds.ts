import type { GraphBuilder } from '../../autodiff/builder.ts'
import { ignoredLabel } from '../../data/dataset.ts'
import { cast, filled, ints, mul, neg, reduceSum, reshape, scalar, type Value } from '../../ops/core/index.ts'
import { itemAt } from '../../required.ts'

// d log p(c|x) / d logits = onehot(c) - p, at each token of rows of texts that counts.

/** 1 at tokens that count, 0 elsewhere, [B, T]. */
export function countingPlaces(body: GraphBuilder, labels: Value, like: Value): Value {
  const none = body.constant({ type: 'int32', dims: [], data: Int32Array.of(ignoredLabel) })
  return cast(body, body.op('Not', [body.op('Equal', [labels, none])]), like.type)
}

/**
 * onehot(c) - p at tokens that count and 0 elsewhere, [B, T, V].
 *
 * @param p softmax of the logits, [B, T, V]
 * @param classes int64 [B, T]: one class a token
 * @param counting [B, T]
 */
export function tokenSeeds(
  body: GraphBuilder,
  { p, classes, counting }: { readonly p: Value; readonly classes: Value; readonly counting: Value },
): Value {
  const each = [...classes.dims, 1]
  const places = reshape(body, classes, each)
  const ones = filled(body, 1, { ...p, dims: each })
  const excess = body.op('ScatterElements', [neg(body, p), places, ones], { axis: 2, reduction: 'add' })
  return mul(body, excess, reshape(body, counting, each))
}

/** The data's own classes, int64 [B, T]; 0 where none counts. */
export function ownClasses(body: GraphBuilder, labels: Value, counting: Value): Value {
  const whole = cast(body, labels, 'int64')
  return mul(body, whole, cast(body, counting, 'int64'))
}

/**
 * One class a token by inverting the distribution function, int64 [B, T]: the first c with p_0 + .. + p_c > u. Sums instead of a matrix of
 * all pairs of classes, which vocabularies are too large for.
 *
 * @param uniforms [B, T], in [0, 1)
 * @param last The last unit that takes part: rounding may leave the total just below 1.
 */
export function drawnTokens(body: GraphBuilder, p: Value, uniforms: Value, last: number): Value {
  const [rows, tokens] = [itemAt(p.dims, 0, 'axis'), itemAt(p.dims, 1, 'axis')]
  const sums = body.op('CumSum', [p, ints(body, [2])])
  const below = body.op('LessOrEqual', [sums, reshape(body, uniforms, [rows, tokens, 1])])
  const passed = reduceSum(body, cast(body, below, 'float32'), [2])
  return cast(body, body.op('Min', [passed, scalar(body, last, passed)]), 'int64')
}
