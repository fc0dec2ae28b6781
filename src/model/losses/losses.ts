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
  sub,
  type Value,
} from '../../ops/core/index.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'

/** What is added to the logits of classes that take no part: e^-1e30 is 0, and no NaN arises as it would from infinity. */
const OUT_OF_THE_RUNNING = 1e30

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
  const [samples = 1] = labels.dims
  const classes = logits.dims.at(-1) ?? 1
  const positions = elements(labels)
  if (logits.dims.slice(0, -1).join() !== labels.dims.join()) {
    throw new UsageError(
      'loss-dims',
      `Labels of positions are [N, T] beside logits [N, T, C], but got [${labels.dims}] and [${logits.dims}].`,
    )
  }
  /** One row a position from one row a sample. */
  const repeated = (rows: Value, width: number): Value => {
    const each = positions / samples
    const spread = emit.op('Expand', [
      reshape(emit, rows, [samples, 1, width]),
      ints(emit, [samples, each, width]),
    ])
    return reshape(emit, spread, [positions, width])
  }
  const flat = reshape(emit, labels, [positions])
  const number = (value: number): Value =>
    emit.constant(
      labels.type === 'int32'
        ? { type: 'int32', dims: [], data: Int32Array.of(value) }
        : { type: 'int64', dims: [], data: BigInt64Array.of(BigInt(value)) },
    )
  const ignored = emit.op('Equal', [flat, number(IGNORED_LABEL)])
  const counting = cast(emit, emit.op('Not', [ignored]), logits.type)
  const known = emit.op('Where', [ignored, number(0), flat])
  const { mask, weights: given } = options
  const weights = given ? mul(emit, counting, reshape(emit, repeated(given, 1), [positions])) : counting
  const mean = crossEntropy(emit, reshape(emit, logits, [positions, classes]), known, {
    ...options,
    weights,
    ...(mask ? { mask: elements(mask) === classes ? mask : repeated(mask, classes) } : {}),
  })
  return emit.op('Div', [
    scale(emit, mean, positions),
    add(emit, total(emit, weights), scalar(emit, ALMOST_NOTHING, logits)),
  ])
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

export interface DistillationOptions {
  /** Logits of the model being trained, [B, C]. */
  readonly student: Value
  /** Logits of the model to stay close to, [B, C]. No gradient is meant to pass here. */
  readonly teacher: Value
  /** Divides both logits. Default 2, as Li and Hoiem have it. */
  readonly temperature?: number
  /** As in {@link crossEntropy}, for both softmaxes. */
  readonly mask?: Value
  /** Multiplies by T^2, so that the gradient's size does not fall with T (Hinton et al. 2015). Default false. */
  readonly scaleByTemperature?: boolean
  /** One factor a sample, [B]; the mean is still over B. */
  readonly weights?: Value
}

/**
 * Mean over the batch of -sum_c softmax(teacher / T)_c log softmax(student / T)_c, a scalar: learning without
 * forgetting (Li and Hoiem 2016) in the form of van de Ven et al. 2022, without the factor T^2.
 *
 * @throws UsageError `temperature`, `loss-dims`.
 */
export function distillation(emit: Emitter, options: DistillationOptions): Value {
  const { student, teacher, temperature = 2, mask, scaleByTemperature = false, weights } = options
  const [batch] = matrixDims('distillation', student)
  if (!(temperature > 0)) {
    throw new UsageError(
      'temperature',
      `The temperature of a distillation is above 0, but it is ${temperature}.`,
    )
  }
  if (student.dims.join() !== teacher.dims.join()) {
    throw new UsageError(
      'loss-dims',
      `distillation compares logits of equal dims, but the student's are [${student.dims}], the teacher's [${teacher.dims}].`,
    )
  }
  const soften = (logits: Value): Value => masked(emit, scale(emit, logits, 1 / temperature), mask)
  const factor = (scaleByTemperature ? temperature ** 2 : 1) / batch
  const even = scale(emit, emit.op('Softmax', [soften(teacher)], { axis: -1 }), -factor)
  const targets = weights ? mul(emit, even, reshape(emit, weights, [batch, 1])) : even
  return total(emit, mul(emit, emit.op('LogSoftmax', [soften(student)], { axis: -1 }), targets))
}

/** The class with the highest logit, int64 [B], among those of the mask; the first of equals. */
export function predictions(emit: Emitter, logits: Value, mask?: Value): Value {
  return emit.op('ArgMax', [masked(emit, logits, mask)], { axis: -1, keepdims: 0 })
}

/** How many predictions equal their label, a float32 scalar. */
export function correctCount(emit: Emitter, logits: Value, labels: Value, mask?: Value): Value {
  const found = cast(emit, predictions(emit, logits, mask), labels.type)
  return total(emit, cast(emit, emit.op('Equal', [found, labels]), 'float32'))
}

/** The logits with those out of the running pushed below everything: logits + (mask - 1) 1e30. */
function masked(emit: Emitter, logits: Value, mask: Value | undefined): Value {
  if (!mask) return logits
  const low = scale(emit, sub(emit, mask, scalar(emit, 1, mask)), OUT_OF_THE_RUNNING)
  return add(emit, logits, low)
}

/** `amount` spread evenly over the classes that take part. */
function spread(emit: Emitter, logits: Value, mask: Value | undefined, amount: number): Value {
  if (!mask) return scalar(emit, amount / (logits.dims[1] ?? 1), logits)
  const count = reduceSum(emit, mask, [mask.dims.length - 1], true)
  return mul(emit, mask, emit.op('Div', [scalar(emit, amount, logits), count]))
}

/** Up to this many classes, rows are read from a table of all of them: one node where comparing takes two. */
const LARGEST_TABLE = 256

/** `value` at each row's label, 0 elsewhere. */
function oneHot(
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
    return emit.op('Gather', [rows, reshape(emit, labels, [batch])], { axis: 0 })
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

const likeFloat = (like: Value, values: readonly number[]): Tensor =>
  like.type === 'float64'
    ? { type: 'float64', dims: [values.length], data: Float64Array.from(values) }
    : float32([values.length], values)

const elements = (x: Value): number => x.dims.reduce((product, dim) => product * dim, 1)

const total = (emit: Emitter, x: Value): Value =>
  reduceSum(
    emit,
    x,
    x.dims.map((_, axis) => axis),
  )

function matrixDims(loss: string, logits: Value): [batch: number, classes: number] {
  const [batch, classes] = logits.dims
  if (logits.dims.length !== 2 || batch === undefined || classes === undefined || batch === 0) {
    throw new UsageError('loss-dims', `${loss} takes logits [B, C], but got [${logits.dims}].`)
  }
  return [batch, classes]
}
