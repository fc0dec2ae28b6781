import { z } from 'zod'
import { withLora } from '../model/adapters/index.ts'
import type { Model } from '../model/model.ts'
import { scalar, type Value } from '../ops/core/index.ts'
import { itemAt, required } from '../required.ts'
import { float32 } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { methodEntry, settle } from './entry.ts'
import type { Method, StepContext, TaskContext } from './method.ts'
import { refuseUntold } from './told-task.ts'

const options = z.strictObject({
  adapterRank: z.int().min(1).default(8).describe('inner dim of the update of each weight, r in W + 2 B A'),
})

export type TaskLoraOptions = z.input<typeof options>

/**
 * Low-rank updates for each task (LoRA: Hu et al. 2021, arXiv 2106.09685): the first task trains the model; each later one trains A and B of
 * its own in W + 2 B A for every linear layer but the head, and the rows of the head for its own classes. All else stays as it was, so an
 * old task is answered by the same numbers for ever, and none helps another beyond what the first one learned. The task of each row has to
 * be told.
 *
 * @throws UsageError `method-option`; when a run begins `task-lora-scenario` where tasks are not told, `lora-targets` for a model without
 * linear layers below the head; ModelError `head-missing`, `head-tied`.
 * @example
 * const method = taskLora({ adapterRank: 4 })
 */
export function taskLora(given: TaskLoraOptions = {}): Method {
  const settings = settle('task-lora', options, given)
  return {
    name: 'task-lora',
    settings,
    past: 'nothing',
    needsBorders: `It has an update for each task, told when it is learned and when it is answered. ${ONLINE_MEMORY}`,
    prepare: (model, task) => {
      refuseUntold('task-lora', task)
      return adapts(task) ? withUpdates(model, task, settings.adapterRank) : model
    },
    terms: (context, _state, task) =>
      adapts(task)
        ? {
            updated: (name, parameter) => held(context, task, name, parameter),
            moved: (name) => required(context.buffers, name, 'buffer'),
          }
        : {},
    refuses: (other) =>
      other.past !== 'nothing'
        ? `With task-lora old tasks are answered by weights that never move, so there is nothing for ${other.name} to hold.`
        : undefined,
  }
}

const adapts = ({ index, given }: TaskContext): boolean => index > 0 || given === true

const labelOf = ({ index }: Pick<TaskContext, 'index'>): string => `task-${index}`

/** The model with updates of its own for a task, under names that no other task has. */
function withUpdates(model: Model, task: TaskContext, rank: number): Model {
  const { model: adapted } = withLora(model, { rank, head: true, label: labelOf(task), seed: task.index })
  // The weights beside them are those that the first task leaves, so they stay parameters.
  const initializers = new Map(
    [...adapted.graph.initializers].filter(([name]) => !model.parameters.has(name)),
  )
  return {
    ...adapted,
    graph: { ...adapted.graph, initializers },
    parameters: new Map([...model.parameters, ...adapted.parameters]),
  }
}

/** What of a parameter moves in a task: its updates, and its own classes' rows of the head. */
function held(
  { step, parameters, head }: StepContext,
  task: TaskContext,
  name: string,
  parameter: Value,
): Value {
  if (name.includes(`/${labelOf(task)}_`)) return parameter
  const before = required(parameters, name, 'parameter')
  const { weight, bias, classAxis } = head()
  if (name !== weight && name !== bias) return before
  const axis = name === bias ? 0 : classAxis
  const own = float32(parameter.dims.map((dim, at) => (at === axis ? dim : 1)))
  for (const unit of itemAt(task.units, task.index, 'task')) own.data[unit] = 1
  const mask = step.constant(own)
  return step.op('Where', [step.op('Greater', [mask, scalar(step, 0, mask)]), parameter, before])
}

export const taskLoraEntry = methodEntry({
  name: 'task-lora',
  summary: 'low-rank updates for each task, everything else as the first left it (Hu et al. 2021)',
  needs: 'no',
  keeps: 'two thin matrices a layer, a task',
  helps: 'tasks that are told: nothing is forgotten',
  options,
  create: taskLora,
})
