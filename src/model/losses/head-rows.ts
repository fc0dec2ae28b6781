import type { GraphBuilder } from '../../autodiff/builder.ts'
import { scan } from '../../autodiff/scan.ts'
import { add, type Emitter, filled, ints, mul, reshape, transpose, type Value } from '../../ops/core/index.ts'
import { itemAt } from '../../required.ts'
import { elements } from './classes.ts'
import type { LinearHead } from './linear-head.ts'

/** A loss of logits that is a sum over rows. */
export interface RowLoss {
  /** What it reads beside the logits, a row each: [rows, ...]. */
  readonly reads: readonly Value[]
  /**
   * The sum over some rows [r, classes], each times its share [r, 1]; and what is emitted for the gradient of the logits, without
   * the share.
   */
  readonly of: (
    emit: Emitter,
    given: { readonly logits: Value; readonly reads: readonly Value[]; readonly share: Value },
  ) => { readonly value: Value; readonly slope: (emit: Emitter) => Value }
}

export interface HeadRowsOptions {
  /** Logits that stand at one time, as numbers. Default 2^25: 128 MiB, and as much again for their gradient. */
  readonly most?: number | undefined
}

const MOST_LOGITS = 2 ** 25

/** From so many classes on a head's loss is worth a form of its own. */
export const MANY_CLASSES = 1024

/**
 * A loss of the logits X W of a head, a scalar, as one op with its gradient written down: dX = w S W^T and dW = (w X)^T S, with S
 * the slope of the logits. Where there are more logits than `most`, rows go through a `Scan` some at a time, each with its
 * gradient at once: dL/dX is that times a number, so that nothing has to be computed again. A weight that is a
 * constant gets no gradient.
 *
 * @param share [rows, 1]: what each row counts.
 */
export function overHead(
  builder: GraphBuilder,
  head: LinearHead,
  share: Value,
  loss: RowLoss,
  { most = MOST_LOGITS }: HeadRowsOptions = {},
): Value {
  const { features, logits } = head
  const [rows = 1] = share.dims
  const classes = logits.dims.at(-1) ?? 1
  const x = reshape(builder, features, [rows, elements(features) / rows])
  const given = { head, x, share, loss }
  return rows * classes <= most
    ? whole(builder, given)
    : inParts(builder, given, Math.max(1, Math.floor(most / classes)))
}

interface Given {
  readonly head: LinearHead
  /** [rows, width] */
  readonly x: Value
  readonly share: Value
  readonly loss: RowLoss
}

function whole(builder: GraphBuilder, { head, x, share, loss }: Given): Value {
  const [rows = 1] = share.dims
  const classes = head.logits.dims.at(-1) ?? 1
  let slope: ((emit: Emitter) => Value) | undefined
  const emit = (): Value => {
    const logits = reshape(builder, head.logits, [rows, classes])
    const found = loss.of(builder, { logits, reads: loss.reads, share })
    slope = found.slope
    return found.value
  }
  return builder.asOne('HeadLoss', [x, head.weight], emit, (into, arriving, needs) => {
    const own = slope?.(into)
    if (!own) return []
    const weighted = mul(into, share, arriving)
    return [
      needs[0] ? ofFeatures(into, own, head, weighted) : undefined,
      needs[1] ? ofWeight(into, own, head, mul(into, x, weighted)) : undefined,
    ]
  })
}

/** X W */
export const product = (emit: Emitter, x: Value, { weight, layout }: LinearHead): Value =>
  layout === 'out-in' ? emit.op('Gemm', [x, weight], { transB: 1 }) : emit.op('MatMul', [x, weight])

/** w S W^T */
function ofFeatures(emit: Emitter, own: Value, { weight, layout }: LinearHead, weighted: Value): Value {
  const back =
    layout === 'out-in' ? emit.op('MatMul', [own, weight]) : emit.op('Gemm', [own, weight], { transB: 1 })
  return mul(emit, back, weighted)
}

/** (w X)^T S, as the weight lies */
function ofWeight(emit: Emitter, own: Value, { layout }: LinearHead, weighted: Value): Value {
  return layout === 'out-in'
    ? emit.op('MatMul', [transpose(emit, own, [1, 0]), weighted])
    : emit.op('MatMul', [transpose(emit, weighted, [1, 0]), own])
}

/** Rows [rows, ...] as [count, size, ...]: what is missing in the last part is zeros. */
export function rowsInParts(
  builder: GraphBuilder,
  value: Value,
  { count, size }: { readonly count: number; readonly size: number },
): Value {
  const [rows = 1, ...row] = value.dims
  const missing = count * size - rows
  const zeros = filled(builder, 0, { ...value, dims: [missing, ...row] })
  const full = missing === 0 ? value : builder.op('Concat', [value, zeros], { axis: 0 })
  return reshape(builder, full, [count, size, ...row])
}

/** The same, `size` rows at a time; those that fill up the last part count nothing. */
function inParts(builder: GraphBuilder, { head, x, share, loss }: Given, size: number): Value {
  const { weight } = head
  const trains = weight.constant === undefined
  const [rows = 1, width = 1] = x.dims
  const count = Math.ceil(rows / size)
  const split = (value: Value): Value => rowsInParts(builder, value, { count, size })
  let gradients: { readonly x: Value; readonly weight: Value | undefined } | undefined
  const emit = (): Value => {
    const start = [filled(builder, 0, { ...x, dims: [] }), ...(trains ? [filled(builder, 0, weight)] : [])]
    const scanned = [x, share, ...loss.reads].map(split)
    const { state, outputs } = scan(builder, start, scanned, (body, [sum, grown], [own, part, ...reads]) => {
      if (!sum || !own || !part) return { state: [], outputs: [] }
      const found = loss.of(body, { logits: product(body, own, head), reads, share: part })
      const slope = found.slope(body)
      const next = add(body, sum, found.value)
      const more = grown && add(body, grown, ofWeight(body, slope, head, mul(body, own, part)))
      return { state: more ? [next, more] : [next], outputs: [ofFeatures(body, slope, head, part)] }
    })
    const stacked = reshape(builder, itemAt(outputs, 0, 'gradient'), [count * size, width])
    const bounds = [[0], [rows], [0]].map((numbers) => ints(builder, numbers))
    gradients = {
      x: count * size === rows ? stacked : builder.op('Slice', [stacked, ...bounds]),
      weight: state[1],
    }
    return itemAt(state, 0, 'loss')
  }
  return builder.asOne('HeadLoss', [x, weight], emit, (into, arriving, needs) => [
    needs[0] && gradients ? mul(into, gradients.x, arriving) : undefined,
    needs[1] && gradients?.weight ? mul(into, gradients.weight, arriving) : undefined,
  ])
}
