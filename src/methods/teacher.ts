import { type Dataset, ignoredLabel, kindOf } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import {
  binaryCrossEntropy,
  type DistillationOptions,
  distillation,
  type TopDistillationOptions,
  topDistillation,
} from '../model/losses/index.ts'
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
} from '../ops/core/index.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { float32, int64, type Tensor } from '../tensor/tensor.ts'
import type { ConsolidateContext, MethodState, RowRange, TaskContext } from './method.ts'

const PREFIX = 'teacher/'

/**
 * The model as a task left it, kept to teach the next. Of one that was trained elsewhere and has units for classes that it never saw,
 * those that it knows are kept, too: what it says of the others teaches nothing.
 */
export const teacherState = ({
  parameters,
  buffers,
  ...task
}: Pick<ConsolidateContext, 'parameters' | 'buffers' | 'trace' | 'active' | 'scenario'>): MethodState => ({
  tensors: new Map([...parameters, ...buffers].map(([name, tensor]) => [`${PREFIX}${name}`, tensor])),
  values: !task.trace && task.active && task.scenario !== 'task' ? { units: [...task.active] } : {},
})

/** The units that a teacher knows; undefined where these are all. */
export const taughtUnits = ({ values }: MethodState): readonly number[] | undefined =>
  values.units as readonly number[] | undefined

/** The logits of some units. */
export function unitsOf(emit: Emitter, logits: Value, units: readonly number[] | undefined): Value {
  if (!units) return logits
  const places: Tensor = { type: 'int32', dims: [units.length], data: Int32Array.from(units) }
  return emit.op('Gather', [logits, emit.constant(places)], { axis: logits.dims.length - 1 })
}

/** What {@link teacherState} keeps, by the names of parameters and buffers. */
export const teacherOf = ({ tensors }: MethodState): ReadonlyMap<string, Tensor> =>
  withoutPrefix(tensors, PREFIX)

/** @throws UsageError `METHOD-targets` for numbers to predict: a teacher's probabilities are what is distilled. */
export function refuseNumbers(method: string, dataset: Dataset): void {
  if (kindOf(dataset) !== 'regression') return
  throw new UsageError(
    `${method}-targets`,
    `${method} distils probabilities of classes, but the labels of "${dataset.name}" are numbers to predict. Use a method without a teacher, such as replay.`,
  )
}

export interface Lesson extends Pick<DistillationOptions, 'student' | 'teacher'> {
  /** The rows as they are stored: tokens that fill up a row teach nothing. */
  readonly batch: Value
  /** Their labels: where nothing else tells what is padding, tokens without one teach nothing. */
  readonly labels: () => Value
  readonly temperature: number
  /** One factor a row, [rows]; the mean is still over all. Of classes of rows only. Default 1 each. */
  readonly weights?: Value | undefined
  /** 1 for rows that are taught and 0 for others, [rows]: the mean is over those that are. Default all. */
  readonly known?: Value | undefined
}

/** The distillation on rows of a task: the mean over past heads where each task has its own. */
export function distilled(
  emit: Emitter,
  { student, teacher, batch, labels, temperature, known, ...given }: Lesson,
  { scenario, index, outputs, units, train }: TaskContext,
): Value {
  const rowwise = { student, teacher, temperature }
  const weights = known ? overKnown(emit, known, given.weights) : given.weights
  if (kindOf(train) === 'multi-label') return labelDistillation(emit, { ...rowwise, weights })
  const lesson =
    student.dims.length > 2
      ? byToken(emit, rowwise, { batch, labels, known }, train)
      : { ...rowwise, weights }
  if (scenario !== 'task') return distillation(emit, lesson)
  const heads = units.slice(0, index).map((past) => {
    const mask = float32([1, outputs])
    for (const unit of past) mask.data[unit] = 1
    return distillation(emit, { ...lesson, mask: emit.constant(mask) })
  })
  const [first, ...rest] = heads
  const sum = rest.reduce<Value | undefined>((total, head) => (total ? add(emit, total, head) : head), first)
  return sum ? scale(emit, sum, 1 / heads.length) : distillation(emit, lesson)
}

/** Factors whose mean over all rows is that over those that are taught; 0 where none is. */
function overKnown(emit: Emitter, known: Value, weights: Value | undefined): Value {
  const [rows = 1] = known.dims
  const sum = emit.op('Max', [reduceSum(emit, known, [0]), scalar(emit, 1, known)])
  const even = emit.op('Div', [scale(emit, known, rows), sum])
  return weights ? mul(emit, even, reshape(emit, weights, [rows])) : even
}

/** Several labels a row: each is a choice of two, sigmoid(logit / T). */
function labelDistillation(
  emit: Emitter,
  { student, teacher, temperature = 2, weights }: DistillationOptions,
): Value {
  const soften = (logits: Value): Value => scale(emit, logits, 1 / temperature)
  const wanted = emit.op('Sigmoid', [soften(teacher)])
  return binaryCrossEntropy(emit, soften(student), wanted, weights ? { weights } : {})
}

export interface TopLesson
  extends Omit<Lesson, 'teacher' | 'weights'>,
    Pick<TopDistillationOptions, 'ids' | 'logProbabilities'> {}

/** The distillation on rows of texts [N, T, C] from the likeliest tokens [N, T, k] that the teacher gave at the temperature. */
export function topDistilled(
  emit: Emitter,
  { student, ids, logProbabilities, batch, labels, temperature, known }: TopLesson,
  { train }: Pick<TaskContext, 'train'>,
): Value {
  const weights = countingTokens(emit, student, { batch, labels, known }, train)
  return topDistillation(emit, {
    ...{ student: byPlace(emit, student), ids: byPlace(emit, ids) },
    ...{ logProbabilities: byPlace(emit, logProbabilities), temperature, weights },
  })
}

/** Logits [N, T, C] with a row a token. */
function byToken(
  emit: Emitter,
  { student, teacher, ...others }: DistillationOptions,
  given: Pick<Lesson, 'batch' | 'labels' | 'known'>,
  dataset: Dataset,
): DistillationOptions {
  const weights = countingTokens(emit, student, given, dataset)
  return { ...others, student: byPlace(emit, student), teacher: byPlace(emit, teacher), weights }
}

/** [N, T, ...] as [N T, ...]. */
function byPlace(emit: Emitter, value: Value): Value {
  const [rows = 1, tokens = 1, ...others] = value.dims
  return reshape(emit, value, [rows * tokens, ...others])
}

/**
 * What each place counts in the mean, [N T]; undefined for all alike. What is no padding counts; of rows that are told apart from padding
 * by labels alone, as those of next tokens, what has a label.
 */
function countingTokens(
  emit: Emitter,
  student: Value,
  { batch, labels, known }: Pick<Lesson, 'batch' | 'labels' | 'known'>,
  { preprocessing: { pad } }: Dataset,
): Value | undefined {
  const [rows = 1, tokens = 1] = student.dims
  const count = rows * tokens
  const said = pad === undefined ? labels() : batch
  const each = said.dims.join() === [rows, tokens].join() ? realTokens(emit, said, student, pad) : undefined
  const taught = known && emit.op('Expand', [reshape(emit, known, [rows, 1]), ints(emit, [rows, tokens])])
  const both = each && taught ? mul(emit, each, taught) : (each ?? taught)
  if (!both) return undefined
  const real = reshape(emit, both, [count])
  // A batch in which nothing counts teaches nothing.
  const sum = emit.op('Max', [reduceSum(emit, real, [0]), scalar(emit, 1, real)])
  return emit.op('Div', [scale(emit, real, count), sum])
}

/** 1 for tokens that are no padding, [N, T]; of labels, those that there are. */
function realTokens(emit: Emitter, said: Value, like: Value, pad: number | undefined): Value {
  const nothing = emit.constant(int64([], [pad ?? ignoredLabel]))
  const filler = emit.op('Equal', [cast(emit, said, 'int64'), nothing])
  return cast(emit, emit.op('Not', [filler]), like.type)
}

/** Rows of the batch; all of them are the value itself. */
export function rowsOfBatch(emit: Emitter, value: Value, { from, size }: RowRange): Value {
  if (size === value.dims[0]) return value
  const index = Int32Array.from({ length: size }, (_, row) => from + row)
  return emit.op('Gather', [value, emit.constant({ type: 'int32', dims: [size], data: index })], { axis: 0 })
}
