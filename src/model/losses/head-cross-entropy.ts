import type { GraphBuilder } from '../../autodiff/builder.ts'
import { scan } from '../../autodiff/scan.ts'
import {
  add,
  cast,
  type Emitter,
  filled,
  ints,
  mul,
  neg,
  reshape,
  transpose,
  type Value,
} from '../../ops/core/index.ts'
import { itemAt } from '../../required.ts'
import { float32 } from '../../tensor/tensor.ts'
import { elements, total } from './classes.ts'
import { countedPositions } from './cross-entropy.ts'
import type { LinearHead } from './linear-head.ts'

export interface HeadCrossEntropyOptions {
  /** One factor a sample, [N]. Default 1 each. */
  readonly weights?: Value | undefined
  /** Whether the head's weight gets a gradient. Default true. */
  readonly trains?: boolean
  /** Logits that stand at one time, as numbers. Default 2^25: 128 MiB, and as much again for their gradient. */
  readonly most?: number
}

/** From so many classes on it is worth a form of its own. */
export const MANY_CLASSES = 1024

const MOST_LOGITS = 2 ** 25

/**
 * Mean cross-entropy over rows or positions of a head without bias, logits = X W, a scalar: what `crossEntropy` and
 * `positionCrossEntropy` give, to rounding, for fewer passes over the logits and less memory. Its gradient is written
 * down: with P the softmax and Y the labels one-hot, dX = w (P - Y) W^T and dW = (w X)^T (P - Y), and neither Y nor a
 * product with it is made. Where there are more logits than `most`, rows go through a `Scan` some at a time, each with
 * its gradient at once: dL/dX is that times a number, so that nothing has to be computed again.
 *
 * @param labels int32 or int64 [N] or [N, ...]; those of positions may be `IGNORED_LABEL`.
 */
export function headCrossEntropy(
  builder: GraphBuilder,
  head: LinearHead,
  labels: Value,
  options: HeadCrossEntropyOptions = {},
): Value {
  const { weights, trains = true, most = MOST_LOGITS } = options
  const { features, logits } = head
  const rows = elements(labels)
  const classes = logits.dims.at(-1) ?? 1
  const x = reshape(builder, features, [rows, elements(features) / rows])
  const counted = countedPositions(builder, labels, features, weights)
  const part: Part = {
    ...{ head, trains, known: cast(builder, counted.known, 'int64') },
    share: reshape(builder, counted.shares, [rows, 1]),
  }
  const inputs = [x, head.weight]
  return rows * classes <= most
    ? whole(builder, inputs, x, part)
    : inParts(builder, inputs, x, part, Math.max(1, Math.floor(most / classes)))
}

interface Part {
  readonly head: LinearHead
  readonly trains: boolean
  /** int64 [rows] */
  readonly known: Value
  /** [rows, 1]: what each row counts of the mean. */
  readonly share: Value
}

function whole(builder: GraphBuilder, inputs: readonly Value[], x: Value, part: Part): Value {
  const { head, known, share } = part
  const [rows = 1] = known.dims
  const classes = head.logits.dims.at(-1) ?? 1
  let chances: Value | undefined
  const emit = (): Value => {
    chances = builder.op('LogSoftmax', [reshape(builder, head.logits, [rows, classes])], { axis: -1 })
    return lossOf(builder, chances, known, share)
  }
  return builder.asOne('HeadCrossEntropy', inputs, emit, (into, arriving, needs) => {
    const own = chances && excess(into, chances, known)
    if (!own) return []
    const weighted = mul(into, share, arriving)
    return [
      needs[0] ? ofFeatures(into, own, head, weighted) : undefined,
      needs[1] ? ofWeight(into, own, head, mul(into, x, weighted)) : undefined,
    ]
  })
}

/** -sum_i w_i log p_i[label] */
function lossOf(emit: Emitter, chances: Value, known: Value, share: Value): Value {
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

/** w (P - Y) W^T */
function ofFeatures(emit: Emitter, own: Value, { weight, layout }: LinearHead, weighted: Value): Value {
  const product =
    layout === 'out-in' ? emit.op('MatMul', [own, weight]) : emit.op('Gemm', [own, weight], { transB: 1 })
  return mul(emit, product, weighted)
}

/** (w X)^T (P - Y), as the weight lies */
function ofWeight(emit: Emitter, own: Value, { layout }: LinearHead, weighted: Value): Value {
  return layout === 'out-in'
    ? emit.op('MatMul', [transpose(emit, own, [1, 0]), weighted])
    : emit.op('MatMul', [transpose(emit, weighted, [1, 0]), own])
}

/** The same, `size` rows at a time. */
function inParts(
  builder: GraphBuilder,
  inputs: readonly Value[],
  x: Value,
  { head, trains, known, share }: Part,
  size: number,
): Value {
  const { weight, layout } = head
  const [rows = 1, width = 1] = x.dims
  const count = Math.ceil(rows / size)
  /** [count, size, ...]: what is missing in the last part is zeros, and counts nothing. */
  const split = (value: Value): Value => {
    const [, ...row] = value.dims
    const missing = count * size - rows
    const zeros = filled(builder, 0, { ...value, dims: [missing, ...row] })
    const full = missing === 0 ? value : builder.op('Concat', [value, zeros], { axis: 0 })
    return reshape(builder, full, [count, size, ...row])
  }
  let gradients: { readonly x: Value; readonly weight: Value | undefined } | undefined
  const emit = (): Value => {
    const start = [filled(builder, 0, { ...x, dims: [] }), ...(trains ? [filled(builder, 0, weight)] : [])]
    const { state, outputs } = scan(
      builder,
      start,
      [split(x), split(known), split(share)],
      (body, [loss, sum], slices) => {
        const [own, labels, weighted] = [0, 1, 2].map((at) => itemAt(slices, at, 'part'))
        if (!loss || !own || !labels || !weighted) return { state: [], outputs: [] }
        const logits =
          layout === 'out-in'
            ? body.op('Gemm', [own, weight], { transB: 1 })
            : body.op('MatMul', [own, weight])
        const chances = body.op('LogSoftmax', [logits], { axis: -1 })
        const over = excess(body, chances, labels)
        const next = add(body, loss, lossOf(body, chances, labels, weighted))
        const grown = sum && add(body, sum, ofWeight(body, over, head, mul(body, own, weighted)))
        return {
          state: grown ? [next, grown] : [next],
          outputs: [ofFeatures(body, over, head, weighted)],
        }
      },
    )
    const stacked = reshape(builder, itemAt(outputs, 0, 'gradient'), [count * size, width])
    const bounds = [[0], [rows], [0]].map((numbers) => ints(builder, numbers))
    gradients = {
      x: count * size === rows ? stacked : builder.op('Slice', [stacked, ...bounds]),
      weight: state[1],
    }
    return itemAt(state, 0, 'loss')
  }
  return builder.asOne('HeadCrossEntropy', inputs, emit, (into, arriving, needs) => [
    needs[0] && gradients ? mul(into, gradients.x, arriving) : undefined,
    needs[1] && gradients?.weight ? mul(into, gradients.weight, arriving) : undefined,
  ])
}
