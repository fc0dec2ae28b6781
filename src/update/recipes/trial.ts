import {
  type LoraModel,
  type LoraOptions,
  mergeLora,
  type Selection,
  selectParameters,
  trainOnly,
  withLora,
} from '../../model/adapters/index.ts'
import { findHead, withOldHead } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type TaskTraining, timeSteps, trainTask } from './fine-tune.ts'

/** As in {@link TaskTraining}; the model has rows for every class, old ones first. */
export interface TrialOptions extends TaskTraining {
  readonly oldClasses: number
  readonly select: Selection
  readonly lora?: LoraOptions | undefined
  /** Default: the model's own weights, where classes are added with the new rows of the head fitted first. */
  readonly from?: Beginning | undefined
}

/** Where a trial begins: what the rung below has come to; and the weights that the path to its end begins with. */
export interface Beginning {
  readonly weights: ReadonlyMap<string, Tensor>
  readonly path: ReadonlyMap<string, Tensor>
}

export interface Trained {
  /** Where the path begins: the old weights, and for new classes a head that fits the old features. */
  readonly start: ReadonlyMap<string, Tensor>
  /** Where it ends. */
  readonly end: ReadonlyMap<string, Tensor>
  /** Steps done, of head and whole. */
  readonly steps: number
  /** The low-rank updates of the end of the path, where these were trained. */
  readonly adapters?: Adapters
}

/** Low-rank updates, and their values by name. */
export interface Adapters {
  readonly lora: LoraModel
  readonly parameters: ReadonlyMap<string, Tensor>
}

/** Of the steps, the share that goes to the head alone where classes are added. */
const WARM_UP = 0.2

/** Steps that fit the new rows of the head before the rest trains; none where nothing but the head trains. */
export const warmUpSteps = ({
  select,
  iterations,
  from,
}: Pick<TrialOptions, 'select' | 'iterations' | 'from'>): number =>
  from || select.kind === 'head' ? 0 : Math.max(10, Math.round(iterations * WARM_UP))

/**
 * Trains once. Where classes are added the new rows of the head are fitted first, on features that stay as they are
 * (LP-FT: Kumar et al. 2022, arXiv 2202.10054), so that the start of the path knows them, too.
 */
export async function train(options: TrialOptions): Promise<Trained> {
  const { model, oldClasses, iterations, from } = options
  const added = model.classes.length > oldClasses && !from
  const warmUp = added ? warmUpSteps(options) : 0
  const start = added
    ? await withFittedHead(options, warmUp || iterations)
    : overlaid(model.parameters, from?.weights)
  if (added && warmUp === 0 && !options.method.answer) {
    const weights = new Map([...start, ...model.buffers])
    return { start: weights, end: weights, steps: iterations }
  }
  const chosen = trainedModel(options, { ...model, parameters: start })
  const tuned = await trainTask({ ...options, model: chosen.model })
  const { lora } = chosen
  const trained = lora
    ? await mergeLora(options.engine, { ...model, parameters: start }, lora, tuned.parameters)
    : tuned.parameters
  return {
    start: overlaid(new Map([...start, ...model.buffers]), from?.path),
    end: new Map([...start, ...trained, ...tuned.buffers]),
    steps: tuned.steps + warmUp,
    ...(lora ? { adapters: { lora, parameters: tuned.parameters } } : {}),
  }
}

/** The tensors with others in place of those of the same names. */
const overlaid = (
  tensors: ReadonlyMap<string, Tensor>,
  by: ReadonlyMap<string, Tensor> | undefined,
): ReadonlyMap<string, Tensor> =>
  by ? new Map([...tensors].map(([name, tensor]) => [name, by.get(name) ?? tensor])) : tensors

/** The model with what trains as its parameters: those selected, or low-rank updates. */
export function trainedModel(
  { lora, select, seed }: Pick<TrialOptions, 'lora' | 'select' | 'seed'>,
  model: Model,
): { readonly model: Model; readonly lora?: LoraModel } {
  if (!lora) return { model: trainOnly(model, selectParameters(model, select)) }
  const adapted = withLora(model, { seed, ...lora })
  return { model: adapted.model, lora: adapted }
}

/** The parameters with new rows of the head fitted and everything else as it was, the old rows included. */
async function withFittedHead(
  options: TrialOptions,
  iterations: number,
): Promise<ReadonlyMap<string, Tensor>> {
  const { model, oldClasses } = options
  const head = findHead(model)
  if (!head) return model.parameters
  const { answer: _, corrects: __, trains: ___, ...method } = options.method
  const tuned = await trainTask({
    ...options,
    method,
    iterations,
    model: trainOnly(model, selectParameters(model, { kind: 'head' })),
  })
  return withOldHead(head, new Map([...model.parameters, ...tuned.parameters]), model.parameters, oldClasses)
}

/** Seconds that one step takes, from a few that are done on a copy. */
export const timeTrial = ({ onProgress: _, ...options }: TrialOptions): Promise<number> =>
  timeSteps({ ...options, model: trainedModel(options, options.model).model, iterations: TIMED_STEPS })

/** Steps that {@link timeTrial} times; one goes before them. */
export const TIMED_STEPS = 4
