import { type Dataset, samples } from '../../data/dataset.ts'
import { compose } from '../../methods/compose.ts'
import { ewc } from '../../methods/ewc.ts'
import type { Method, MethodState } from '../../methods/method.ts'
import { rehearsal } from '../../methods/rehearsal.ts'
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
import { type FineTuned, type FineTuneOptions, fineTune, timeSteps } from './fine-tune.ts'

/** How strongly the old is protected while the new is learned. */
export interface Protection {
  /** Replayed rows in a batch, as a share of the new ones. */
  readonly replay: number
  /** Weight of the distillation beside the loss on labels. */
  readonly distillation: number
  /** Factor of the learning rate. */
  readonly rate: number
  /** Factor of the passes over the new data. */
  readonly passes: number
}

/** Protections by trial. Later ones rehearse more and have the time for it; the last ones learn less, too. */
export const protections: readonly Protection[] = [
  { replay: 0.5, distillation: 1, rate: 1, passes: 1 },
  { replay: 2, distillation: 1, rate: 1, passes: 2 },
  { replay: 2, distillation: 4, rate: 0.5, passes: 2 },
  { replay: 2, distillation: 8, rate: 0.2, passes: 2 },
]

/** What training draws on; labels are units of the model. */
export interface TrialData {
  readonly train: Dataset
  /** The old model's logits on the new rows; left out where exemplars say more about it. */
  readonly newLogits: Tensor<'float32'> | undefined
  readonly exemplars: { readonly dataset: Dataset; readonly logits: Tensor<'float32'> } | undefined
  readonly unlabelled: { readonly dataset: Dataset; readonly logits: Tensor<'float32'> } | undefined
}

/** EWC's memory of the old model, and how much it counts. */
export interface Penalty {
  readonly state: MethodState
  readonly lambda: number
}

/** As in {@link FineTuneOptions}; the model has rows for every class, old ones first. */
export interface TrialOptions extends Omit<FineTuneOptions, 'train' | 'method' | 'state'> {
  readonly oldClasses: number
  readonly data: TrialData
  readonly protection: Protection
  /** Whether the old model's answers are distilled. */
  readonly distils: boolean
  readonly penalty?: Penalty | undefined
  readonly select: Selection
  readonly lora?: LoraOptions | undefined
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
export const warmUpSteps = ({ select, iterations }: Pick<TrialOptions, 'select' | 'iterations'>): number =>
  select.kind === 'head' ? 0 : Math.max(10, Math.round(iterations * WARM_UP))

/**
 * Trains once. Where classes are added the new rows of the head are fitted first, on features that stay as they are
 * (LP-FT: Kumar et al. 2022, arXiv 2202.10054), so that the start of the path knows them, too.
 */
export async function train(options: TrialOptions): Promise<Trained> {
  const { model, oldClasses, iterations } = options
  const added = model.classes.length > oldClasses
  const warmUp = added ? warmUpSteps(options) : 0
  const start = added ? await withFittedHead(options, warmUp || iterations) : model.parameters
  if (added && warmUp === 0) {
    const weights = new Map([...start, ...model.buffers])
    return { start: weights, end: weights, steps: iterations }
  }
  const chosen = trainedModel(options, { ...model, parameters: start })
  const tuned = await run(options, chosen.model, iterations)
  const { lora } = chosen
  const trained = lora
    ? await mergeLora(options.engine, { ...model, parameters: start }, lora, tuned.parameters)
    : tuned.parameters
  return {
    start: new Map([...start, ...model.buffers]),
    end: new Map([...start, ...trained, ...tuned.buffers]),
    steps: tuned.steps + warmUp,
    ...(lora ? { adapters: { lora, parameters: tuned.parameters } } : {}),
  }
}

/** The model with what trains as its parameters: those selected, or low-rank updates. */
function trainedModel(
  { lora, select, seed }: TrialOptions,
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
  const tuned = await run(options, trainOnly(model, selectParameters(model, { kind: 'head' })), iterations)
  return withOldHead(head, new Map([...model.parameters, ...tuned.parameters]), model.parameters, oldClasses)
}

const run = (options: TrialOptions, model: Model, iterations: number): Promise<FineTuned> =>
  fineTune(fineTuning(options, model, iterations))

function fineTuning(options: TrialOptions, model: Model, iterations: number): FineTuneOptions {
  const { data, protection, batchSize } = options
  const rehearsing = rehearsal({
    ...(data.newLogits ? { newLogits: data.newLogits } : {}),
    rehearsed: rehearsedFor(options),
    weight: options.distils ? protection.distillation : 0,
  })
  return {
    engine: options.engine,
    model,
    train: data.train,
    ...withPenalty(rehearsing, options.penalty),
    settings: options.settings,
    iterations,
    batchSize: Math.min(batchSize, samples(data.train)),
    learningRate: options.learningRate * protection.rate,
    ...(options.schedule ? { schedule: options.schedule } : {}),
    seed: options.seed,
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  }
}

/** Proximal steps are stable however strong the penalty is. */
function withPenalty(
  method: Method,
  penalty: Penalty | undefined,
): Pick<FineTuneOptions, 'method' | 'state'> {
  if (!penalty) return { method }
  return {
    method: compose(method, ewc({ lambda: penalty.lambda, step: 'proximal' })),
    // In a composition each part's memory stands under its place.
    state: {
      tensors: new Map([...penalty.state.tensors].map(([key, tensor]) => [`1/${key}`, tensor])),
      values: { 1: penalty.state.values },
    },
  }
}

/** Seconds that one step takes, from a few that are done on a copy. */
export const timeTrial = ({ onProgress, ...options }: TrialOptions): Promise<number> =>
  timeSteps(fineTuning(options, trainedModel(options, options.model).model, TIMED_STEPS))

/** Steps that {@link timeTrial} times; one goes before them. */
export const TIMED_STEPS = 4

function rehearsedFor({ data, protection, batchSize, oldClasses, model }: TrialOptions) {
  const rows = (dataset: Dataset) =>
    Math.max(1, Math.min(samples(dataset), Math.round(batchSize * protection.replay)))
  // Old classes count as much as their number says, but no less than the new.
  const added = model.classes.length - oldClasses
  const share = added > 0 ? Math.max(0.5, oldClasses / model.classes.length) : 0.5
  return [
    ...(data.exemplars
      ? [{ name: 'replay', ...data.exemplars, size: rows(data.exemplars.dataset), share }]
      : []),
    ...(data.unlabelled
      ? [{ name: 'unlabelled', ...data.unlabelled, size: rows(data.unlabelled.dataset), share: 0 }]
      : []),
  ]
}
