import { UsageError } from '../errors.ts'
import { distillation } from '../model/losses.ts'
import type { Value } from '../ops/define.ts'
import { add, scale } from '../ops/emit.ts'
import { float32 } from '../tensor/tensor.ts'
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
 * @throws UsageError `lwf-temperature`, `lwf-weight` for values that are not positive.
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

const protocolWeight = ({ stream, index }: TaskContext): number => (stream.scenario === 'class' ? 1 : index)

/** The distillation on the new rows: mean over past heads where there are several. */
function distilled(context: StepContext, { stream, index }: TaskContext, temperature: number): Value {
  const { step } = context
  const rows = context.sources.get('new')
  const teacher = new Map([...context.inputs].map(([key, value]) => [key.slice('teacher/'.length), value]))
  const select = (value: Value) =>
    rows && rows.size !== value.dims[0] ? sliceRows(context, value, rows) : value
  const teacherLogits = context.forward(select(context.batch), teacher)
  const studentLogits = select(context.logits)
  if (stream.scenario !== 'task') {
    return distillation(step, { student: studentLogits, teacher: teacherLogits, temperature })
  }
  const heads = stream.tasks.slice(0, index).map((past) => {
    const mask = float32([1, stream.outputs])
    for (const unit of past.units) mask.data[unit] = 1
    return distillation(step, {
      student: studentLogits,
      teacher: teacherLogits,
      temperature,
      mask: step.constant(mask),
    })
  })
  const [first, ...rest] = heads
  const sum = rest.reduce<Value | undefined>((total, head) => (total ? add(step, total, head) : head), first)
  return sum
    ? scale(step, sum, 1 / heads.length)
    : distillation(step, { student: studentLogits, teacher: teacherLogits, temperature })
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
