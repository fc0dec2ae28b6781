import { z } from 'zod'
import { UsageError } from '../errors.ts'
import { scale } from '../ops/core/index.ts'
import { required } from '../required.ts'
import { withoutPrefix } from '../tensor/prefix.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { inUpdates, methodEntry } from './entry.ts'
import type { Method, TaskContext } from './method.ts'
import { searched } from './search.ts'
import { distilled, refuseNumbers, rowsOfBatch, taughtUnits, teacherState, unitsOf } from './teacher.ts'
import { temperatureFor } from './temperature.ts'

const schema = z.strictObject({
  temperature: z
    .number()
    .optional()
    .describe('temperature of the distillation; default 2, of the next tokens of texts 1'),
  distillationWeight: z
    .number()
    .optional()
    .describe('weight of the distillation beside the loss; default the protocol’s')
    .meta({ ...inUpdates('distillation'), ...searched(0.1, 10) }),
})

export interface LwfOptions {
  /** Temperature of the distillation. Default 2, of the next tokens of texts 1. */
  readonly temperature?: number | undefined
  /** Weight of the distillation beside the loss on the new labels; default the protocol's, see {@link lwf}. */
  readonly weight?: number
}

/**
 * Learning without forgetting (Li & Hoiem 2016, ECCV): the model as it was before the task is the teacher, and its
 * answers on the new data, augmented as the model sees them, are distilled into the model. Needs no old data.
 *
 * Default weights are those of the protocol (van de Ven et al. 2022): class-incremental L_new + KD over all outputs;
 * task- and domain-incremental L_new + (k - 1) mean KD, where the mean goes over the k - 1 past heads (domain: the one
 * head there is). No factor of temperature squared.
 *
 * A model that was trained elsewhere teaches the first task, where it knows the classes; its answers for units that were added to it are
 * left out.
 *
 * Of several labels a row each is distilled as a pair of probabilities; labels of tokens are distilled at every
 * token that is no padding, next tokens where they count in the loss.
 *
 * @throws UsageError `lwf-temperature`, `lwf-weight` for values that are not positive; from `terms`, `lwf-targets` for numbers to predict:
 * a teacher's probabilities are what is distilled, and there are none.
 * @example
 * const method = lwf({ temperature: 2 })
 */
export function lwf(options: LwfOptions = {}): Method {
  const settings = {
    temperature: options.temperature ?? null,
    weight: options.weight ?? null,
  } as const
  if (settings.temperature !== null && !(settings.temperature > 0)) {
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
    past: 'weights',
    needsBorders: `Its teacher is the model as a task’s end left it. ${ONLINE_MEMORY}`,
    inputs: (state) => state.tensors,
    terms: (context, state, task) => {
      refuseNumbers('lwf', task.train)
      const units = taughtUnits(state)
      if (state.tensors.size === 0 || units?.length === 0) return {}
      const { step, inputs } = context
      const fresh = required(context.sources, 'new', 'source')
      const batch = rowsOfBatch(step, context.batch, fresh)
      const student = unitsOf(step, rowsOfBatch(step, context.logits, fresh), units)
      const teacher = unitsOf(step, context.forward(batch, withoutPrefix(inputs, 'teacher/')), units)
      const lesson = { student, teacher, batch, labels: () => rowsOfBatch(step, context.labels, fresh) }
      const temperature = temperatureFor(settings.temperature, task.train)
      const value = distilled(step, { ...lesson, temperature }, task)
      const weight = settings.weight ?? protocolWeight(task)
      return { losses: [{ name: 'distillation', value: scale(step, value, weight) }] }
    },
    consolidate: async (_state, context) => ({ state: teacherState(context) }),
  }
}

const protocolWeight = ({ scenario, index }: TaskContext): number => (scenario === 'class' ? 1 : index)

export const lwfEntry = methodEntry({
  name: 'lwf',
  summary: 'learning without forgetting: the old model is the teacher (Li & Hoiem 2016)',
  needs: 'no',
  keeps: 'a copy of the parameters',
  teaches: true,
  helps: 'tasks that are told apart, new data that look like the old',
  options: schema,
  create: ({ temperature, distillationWeight }) =>
    lwf({ temperature, ...(distillationWeight === undefined ? {} : { weight: distillationWeight }) }),
})
