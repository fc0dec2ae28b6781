import { UsageError } from '../../errors.ts'
import {
  add,
  type Emitter,
  ints,
  mul,
  reduceSum,
  reshape,
  scalar,
  scale,
  sub,
  type Value,
} from '../../ops/core/index.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'

/** What is added to the logits of classes that take no part: e^-1e30 is 0, and no NaN arises as it would from infinity. */
const OUT_OF_THE_RUNNING = 1e30

/** The class with the highest logit, int64 [B], among those of the mask; the first of equals. */
export function predictions(emit: Emitter, logits: Value, mask?: Value): Value {
  return emit.op('ArgMax', [masked(emit, logits, mask)], { axis: -1, keepdims: 0 })
}

/** The logits with those out of the running pushed below everything: logits + (mask - 1) 1e30. */
export function masked(emit: Emitter, logits: Value, mask: Value | undefined): Value {
  if (!mask) return logits
  const low = scale(emit, sub(emit, mask, scalar(emit, 1, mask)), OUT_OF_THE_RUNNING)
  return add(emit, logits, low)
}

/** `amount` spread evenly over the classes that take part. */
export function spread(emit: Emitter, logits: Value, mask: Value | undefined, amount: number): Value {
  if (!mask) return scalar(emit, amount / (logits.dims[1] ?? 1), logits)
  const count = reduceSum(emit, mask, [mask.dims.length - 1], true)
  return mul(emit, mask, emit.op('Div', [scalar(emit, amount, logits), count]))
}

/** Up to this many classes, rows are read from a table of all of them: one node where comparing takes two. */
const LARGEST_TABLE = 256

/** `value` at each row's label, 0 elsewhere. */
export function oneHot(
  emit: Emitter,
  labels: Value,
  [batch, classes]: readonly [number, number],
  value: number,
  like: Value,
): Value {
  if (classes <= LARGEST_TABLE) {
    const table = new Array<number>(classes * classes).fill(0)
    for (let label = 0; label < classes; label++) table[label * (classes + 1)] = value
    const rows = emit.constant({ ...likeFloat(like, table), dims: [classes, classes] })
    return { ...emit.op('Gather', [rows, reshape(emit, labels, [batch])], { axis: 0 }), rowSum: value }
  }
  const hit = emit.op('Equal', [reshape(emit, labels, [batch, 1]), classNumbers(emit, labels, classes)])
  return emit.op('Where', [hit, scalar(emit, value, like), scalar(emit, 0, like)])
}

/** [0, 1, …, classes - 1] in the labels' type. */
function classNumbers(emit: Emitter, labels: Value, classes: number): Value {
  const numbers = Array.from({ length: classes }, (_, n) => n)
  const int32: Tensor = { type: 'int32', dims: [classes], data: Int32Array.from(numbers) }
  return labels.type === 'int32' ? emit.constant(int32) : ints(emit, numbers)
}

export const likeFloat = (like: Value, values: readonly number[]): Tensor =>
  like.type === 'float64'
    ? { type: 'float64', dims: [values.length], data: Float64Array.from(values) }
    : float32([values.length], values)

export const elements = (x: Value): number => x.dims.reduce((product, dim) => product * dim, 1)

export const total = (emit: Emitter, x: Value): Value =>
  reduceSum(
    emit,
    x,
    x.dims.map((_, axis) => axis),
  )

export function matrixDims(loss: string, logits: Value): [batch: number, classes: number] {
  const [batch, classes] = logits.dims
  if (logits.dims.length !== 2 || batch === undefined || classes === undefined || batch === 0) {
    throw new UsageError('loss-dims', `${loss} takes logits [B, C], but got [${logits.dims}].`)
  }
  return [batch, classes]
}
