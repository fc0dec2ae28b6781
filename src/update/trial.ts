import { type Dataset, samples } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import { rehearsal } from '../methods/rehearsal.ts'
import { findHead } from '../model/head.ts'
import { type LoraOptions, withLora } from '../model/lora.ts'
import type { Model } from '../model/model.ts'
import { type Selection, selectParameters, trainOnly } from '../model/select.ts'
import { sizeOf, type Tensor } from '../tensor/tensor.ts'
import { mergeLora } from '../train/merge-lora.ts'
import type { Schedule } from '../train/schedules.ts'
import type { StepSettings } from '../train/step.ts'
import { type FineTuned, fineTune } from './fine-tune.ts'

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

export interface TrialOptions {
  readonly engine: Engine
  /** With rows for every class, old ones first. */
  readonly model: Model
  readonly oldClasses: number
  readonly data: TrialData
  readonly protection: Protection
  readonly settings: StepSettings
  readonly select: Selection
  readonly lora?: LoraOptions | undefined
  readonly iterations: number
  readonly batchSize: number
  readonly learningRate: number
  readonly schedule?: Schedule
  readonly seed: number
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: {
    readonly step: number
    readonly of: number
    readonly loss: number
  }) => void
}

export interface Trained {
  /** Where the path begins: the old weights, and for new classes a head that fits the old features. */
  readonly start: ReadonlyMap<string, Tensor>
  /** Where it ends. */
  readonly end: ReadonlyMap<string, Tensor>
  /** Steps done, of head and whole. */
  readonly steps: number
}

/** Of the steps, the share that goes to the head alone where classes are added. */
const WARM_UP = 0.2

/**
 * Trains once. Where classes are added the new rows of the head are fitted first, on features that stay as they are
 * (LP-FT: Kumar et al. 2022, arXiv 2202.10054), so that the start of the path knows them, too.
 */
export async function train(options: TrialOptions): Promise<Trained> {
  const { model, oldClasses, iterations } = options
  const added = model.classes.length > oldClasses
  const warmUp = added && options.select.kind !== 'head' ? Math.max(10, Math.round(iterations * WARM_UP)) : 0
  const start = added ? await withFittedHead(options, warmUp || iterations) : model.parameters
  if (added && warmUp === 0) return { start, end: start, steps: iterations }
  const begun: Model = { ...model, parameters: start }
  const lora = options.lora && withLora(begun, { seed: options.seed, ...options.lora })
  const chosen = lora ? lora.model : trainOnly(begun, selectParameters(begun, options.select))
  const tuned = await run(options, chosen, iterations)
  const trained = lora ? await mergeLora(options.engine, begun, lora, tuned.parameters) : tuned.parameters
  return { start, end: new Map([...start, ...trained, ...tuned.buffers]), steps: tuned.steps + warmUp }
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
  const parameters = new Map(model.parameters)
  for (const [name, axis] of [
    [head.weight, head.classAxis],
    [head.bias, 0],
  ] as const) {
    const [before, after] = [model.parameters.get(name ?? ''), tuned.parameters.get(name ?? '')]
    if (name === undefined || !before || !after) continue
    parameters.set(
      name,
      withOldRows(after as Tensor<'float32'>, before as Tensor<'float32'>, axis, oldClasses),
    )
  }
  return parameters
}

/** `after` with the first `kept` rows along `axis` those of `before`. */
function withOldRows(
  after: Tensor<'float32'>,
  before: Tensor<'float32'>,
  axis: number,
  kept: number,
): Tensor<'float32'> {
  const data = after.data.slice()
  const { dims } = after
  const inner = sizeOf(dims.slice(axis + 1))
  const block = inner * (dims[axis] ?? 1)
  for (let from = 0; from < data.length; from += block) {
    data.set(before.data.subarray(from, from + kept * inner), from)
  }
  return { ...after, data }
}

function run(options: TrialOptions, model: Model, iterations: number): Promise<FineTuned> {
  const { data, protection, batchSize } = options
  return fineTune({
    engine: options.engine,
    model,
    train: data.train,
    method: rehearsal({
      ...(data.newLogits ? { newLogits: data.newLogits } : {}),
      rehearsed: rehearsedFor(options),
      weight: protection.distillation,
    }),
    settings: options.settings,
    iterations,
    batchSize: Math.min(batchSize, samples(data.train)),
    learningRate: options.learningRate * protection.rate,
    ...(options.schedule ? { schedule: options.schedule } : {}),
    seed: options.seed,
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  })
}

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
