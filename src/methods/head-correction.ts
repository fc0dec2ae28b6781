import { UsageError } from '../errors.ts'
import { requireHead } from '../model/heads/index.ts'
import { itemAt, required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import type { ConsolidateContext, Method, TaskContext } from './method.ts'
import { pastUnits } from './old-answers.ts'

// What corrections of a head at a task's end share: which units are new, and new rows of weights.

/** Units that were there before a task, and those that it brought. */
export interface JoiningUnits {
  readonly old: readonly number[]
  readonly fresh: readonly number[]
}

/**
 * @throws UsageError `METHOD-scenario` where tasks bring no classes to one head.
 */
export function joiningUnits(method: string, task: TaskContext): JoiningUnits {
  if (task.scenario !== 'class') {
    throw new UsageError(
      `${method}-scenario`,
      `${method} corrects new classes beside old ones on one head (the class scenario), but in the ${task.scenario} scenario none join. Leave it out.`,
    )
  }
  const old = pastUnits(task)
  const known = new Set(old)
  return { old, fresh: itemAt(task.units, task.index, 'task').filter((unit) => !known.has(unit)) }
}

/** A head's weight and bias as a task left them. */
export interface TrainedHead {
  readonly weight: { readonly name: string; readonly tensor: Tensor<'float32'>; readonly classAxis: number }
  readonly bias: { readonly name: string; readonly tensor: Tensor<'float32'> } | undefined
}

/**
 * @throws ModelError `head-missing`, `head-tied`; UsageError `METHOD-head` for a head that did not train.
 */
export function trainedHead(
  method: string,
  { model, parameters }: Pick<ConsolidateContext, 'model' | 'parameters'>,
): TrainedHead {
  const { weight, bias, classAxis } = requireHead(model)
  const named = (name: string) => {
    const tensor = parameters.get(name)
    if (tensor?.type === 'float32') return { name, tensor: tensor as Tensor<'float32'> }
    throw new UsageError(
      `${method}-head`,
      `${method} changes the head "${name}" at a task's end, but it does not train. Let it train, or leave ${method} out.`,
    )
  }
  return { weight: { ...named(weight), classAxis }, bias: bias === undefined ? undefined : named(bias) }
}

/** Which class each number of a weight is of. */
export function classOf({ tensor, classAxis }: TrainedHead['weight']): (at: number) => number {
  const { dims } = tensor
  const inner = dims.slice(classAxis + 1).reduce((product, dim) => product * dim, 1)
  const classes = itemAt(dims, classAxis, 'axis')
  return (at) => Math.floor(at / inner) % classes
}

/** A tensor with a factor and an addend for each class. */
export function changed(
  tensor: Tensor<'float32'>,
  classAt: (at: number) => number,
  of: (unit: number) => { readonly factor: number; readonly addend?: number | undefined },
): Tensor<'float32'> {
  const data = tensor.data.map((value, at) => {
    const { factor, addend = 0 } = of(classAt(at))
    return value * factor + addend
  })
  return float32(tensor.dims, data)
}

/** A second correction of the same scores, or of a head that is not read, makes no sense. */
export const refusesCorrections =
  (name: string): NonNullable<Method['refuses']> =>
  (other) =>
    other.corrects || other.answer
      ? `${name} corrects the scores of the trained head, and ${other.name} corrects them, too, or reads the model without them.`
      : undefined

/** Means that are asked for by what they are over. */
export const meanOf = (values: ReadonlyMap<number, number>, units: readonly number[]): number =>
  units.reduce((sum, unit) => sum + required(values, unit, 'unit'), 0) / units.length
