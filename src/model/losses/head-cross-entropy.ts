import type { GraphBuilder } from '../../autodiff/builder.ts'
import { cast, type Emitter, ints, mul, neg, reshape, type Value } from '../../ops/core/index.ts'
import { float32 } from '../../tensor/tensor.ts'
import { elements, total } from './classes.ts'
import { countedPositions } from './cross-entropy.ts'
import { type HeadRowsOptions, overHead } from './head-rows.ts'
import type { LinearHead } from './linear-head.ts'

export interface HeadCrossEntropyOptions extends HeadRowsOptions {
  /** One factor a sample, [N]. Default 1 each. */
  readonly weights?: Value | undefined
}

/**
 * Mean cross-entropy over rows or positions of a head without bias, logits = X W, a scalar: what `crossEntropy` and
 * `positionCrossEntropy` give, to rounding, for fewer passes over the logits and less memory: see {@link overHead}. The slope of the
 * logits is P - Y, with P the softmax and Y the labels one-hot, and neither Y nor a product with it is made.
 *
 * @param labels int32 or int64 [N] or [N, ...]; those of positions may be `IGNORED_LABEL`.
 */
export function headCrossEntropy(
  builder: GraphBuilder,
  head: LinearHead,
  labels: Value,
  options: HeadCrossEntropyOptions = {},
): Value {
  const counted = countedPositions(builder, labels, head.features, options.weights)
  const share = reshape(builder, counted.shares, [elements(labels), 1])
  const loss = {
    reads: [cast(builder, counted.known, 'int64')],
    of: (emit: Emitter, given: { logits: Value; reads: readonly Value[]; share: Value }) => {
      const [known = counted.known] = given.reads
      const chances = emit.op('LogSoftmax', [given.logits], { axis: -1 })
      return {
        value: ofLabels(emit, chances, known, given.share),
        slope: (into: Emitter) => excess(into, chances, known),
      }
    },
  }
  return overHead(builder, head, share, loss, options)
}

/** -sum_i w_i log p_i[label] */
function ofLabels(emit: Emitter, chances: Value, known: Value, share: Value): Value {
  const [rows = 1] = known.dims
  const own = emit.op('GatherElements', [chances, reshape(emit, known, [rows, 1])], { axis: 1 })
  return neg(emit, total(emit, mul(emit, own, share)))
}

/** P - Y from log P */
function excess(emit: Emitter, chances: Value, known: Value): Value {
  const [rows = 1] = known.dims
  const numbers = ints(
    emit,
    Array.from({ length: rows }, (_, row) => row),
  )
  const places = emit.op('Concat', [reshape(emit, numbers, [rows, 1]), reshape(emit, known, [rows, 1])], {
    axis: 1,
  })
  const ones = emit.constant(float32([rows], new Float32Array(rows).fill(-1)))
  return emit.op('ScatterND', [emit.op('Exp', [chances]), places, ones], { reduction: 'add' })
}
