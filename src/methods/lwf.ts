import { type Dataset, kindOf } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { binaryCrossEntropy, type DistillationOptions, distillation } from '../model/losses/index.ts'
import { add, cast, type Emitter, reduceSum, reshape, scale, type Value } from '../ops/core/index.ts'
import { float32, int64 } from '../tensor/tensor.ts'
import type { Method, StepContext, TaskContext } from './method.ts'

export interface LwfOptions {
  /** Temperature of the distillation. Default 2. */
  readonly temperature?: number
  /** Weight of the distillation beside the loss on the new labels; default the protocol's, see {@link lwf}. */
  readonly weight?: number
}

/**
 * Learning without forgetting (Li & Hoiem 2016, ECCV): the model as it was before the task is the teacher, and its
 * answers on the new data are distilled into the model. Needs no old data.
 *
 * Default weights are those of the protocol (van de Ven et al. 2022): class-incremental L_new + KD over all outputs;
 * task- and domain-incremental L_new + (k - 1) mean KD, where the mean goes over the k - 1 past heads (domain: the one
 * head there is). No factor of temperature squared.
 *
 * Of several labels a row each is distilled as a pair of probabilities; labels of tokens are distilled at every token that is no padding.
 *
 * @throws UsageError `lwf-temperature`, `lwf-weight` for values that are not positive; from `terms`, `lwf-targets` for numbers to predict:
 * a teacher's probabilities are what is distilled, and there are none.
 * @example
 * const method = lwf({ temperature: 2 })
 */
export function lwf(options: LwfOptions = {}): Method {
  const settings = { temperature: options.temperature ?? 2, weight: options.weight ?? null } as const
  if (!(settings.temperature > 0)) {
    throw new UsageError(
      'lwf-temperature',
      `LwF's temperature must be above 0; ${settings.temperature} was given.`,
    )
  }
  if (settings.weight !== null && !(settings.weight >= 0)) {
    throw new UsageError('lwf-weight', `LwF's weight must be 0 or more; ${settings.weight} was given.`)
  }
  return {
    name: 'lwf',
    settings,
    inputs: (state) => state.tensors,
    terms: (context, state, task) => {
      refuseNumbers(task.train)
      if (state.tensors.size === 0) return {}
      const value = scale(
        context.step,
        distilled(context, task, settings.temperature),
        settings.weight ?? protocolWeight(task),
      )
      return { losses: [{ name: 'distillation', value }] }
    },
    consolidate: async (_state, { parameters, buffers }) => ({
      tensors: new Map([
        ...[...parameters].map(([name, tensor]) => [`teacher/${name}`, tensor] as const),
        ...[...buffers].map(([name, tensor]) => [`teacher/${name}`, tensor] as const),
      ]),
      values: {},
    }),
  }
}

function refuseNumbers(dataset: Dataset): void {
  if (kindOf(dataset) !== 'regression') return
  throw new UsageError(
    'lwf-targets',
    `LwF distils probabilities of classes, but the labels of "${dataset.name}" are numbers to predict. Use a method without a teacher, such as replay.`,
  )
}

const protocolWeight = ({ stream, index }: TaskContext): number => (stream.scenario === 'class' ? 1 : index)

/** The distillation on the new rows: mean over past heads where there are several. */
function distilled(context: StepContext, { stream, index, train }: TaskContext, temperature: number): Value {
  const { step } = context
  const rows = context.sources.get('new')
  const teacher = new Map([...context.inputs].map(([key, value]) => [key.slice('teacher/'.length), value]))
  const select = (value: Value) =>
    rows && rows.size !== value.dims[0] ? sliceRows(context, value, rows) : value
  const batch = select(context.batch)
  const rowwise = { student: select(context.logits), teacher: context.forward(batch, teacher), temperature }
  if (kindOf(train) === 'multi-label') return labelDistillation(step, rowwise)
  const given = rowwise.student.dims.length > 2 ? byToken(step, rowwise, batch, train) : rowwise
  if (stream.scenario !== 'task') return distillation(step, given)
  const heads = stream.tasks.slice(0, index).map((past) => {
    const mask = float32([1, stream.outputs])
    for (const unit of past.units) mask.data[unit] = 1
    return distillation(step, { ...given, mask: step.constant(mask) })
  })
  const [first, ...rest] = heads
  const sum = rest.reduce<Value | undefined>((total, head) => (total ? add(step, total, head) : head), first)
  return sum ? scale(step, sum, 1 / heads.length) : distillation(step, given)
}

/** Several labels a row: each is a choice of two, sigmoid(logit / T). */
function labelDistillation(step: Emitter, { student, teacher, temperature = 2 }: DistillationOptions): Value {
  const soften = (logits: Value): Value => scale(step, logits, 1 / temperature)
  return binaryCrossEntropy(step, soften(student), step.op('Sigmoid', [soften(teacher)]))
}

/** Logits [N, T, C] with a row a token; padding counts nothing in the mean. */
function byToken(
  step: Emitter,
  { student, teacher, ...others }: DistillationOptions,
  batch: Value,
  { preprocessing: { pad } }: Dataset,
): DistillationOptions {
  const [rows = 1, tokens = 1, classes = 1] = student.dims
  const count = rows * tokens
  const flat = (logits: Value): Value => reshape(step, logits, [count, classes])
  const pair = { ...others, student: flat(student), teacher: flat(teacher) }
  if (pad === undefined || batch.dims.join() !== [rows, tokens].join()) return pair
  const filler = step.op('Equal', [cast(step, batch, 'int64'), step.constant(int64([], [pad]))])
  const real = reshape(step, cast(step, step.op('Not', [filler]), student.type), [count])
  const weights = step.op('Div', [scale(step, real, count), reduceSum(step, real, [0])])
  return { ...pair, weights }
}

function sliceRows(
  { step }: StepContext,
  value: Value,
  rows: { readonly from: number; readonly size: number },
): Value {
  const index = Int32Array.from({ length: rows.size }, (_, row) => rows.from + row)
  return step.op('Gather', [value, step.constant({ type: 'int32', dims: [rows.size], data: index })], {
    axis: 0,
  })
}
