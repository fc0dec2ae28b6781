import { samples } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import { UsageError } from '../errors.ts'
import { examplesNeeded } from '../measure/paired.ts'
import { findHead } from '../model/head.ts'
import type { LoraOptions } from '../model/lora.ts'
import type { Model } from '../model/model.ts'
import type { Selection } from '../model/select.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { adam, type Optimiser } from '../train/optimisers.ts'
import { schedule } from '../train/schedules.ts'
import { openBlend } from './blend.ts'
import { type Judge, openJudge } from './judge.ts'
import { type Parts, splitHeldOut, type UpdateData, withKnowledge } from './parts.ts'
import {
  type Answers,
  type Budget,
  choosePoint,
  dropOf,
  flipsBetween,
  nearestPoint,
  type PathPoint,
  predicted,
  verify,
} from './search.ts'
import { type Protection, protections, type Trained, type TrialData, train } from './trial.ts'
import { type Walk, walkPath } from './walk.ts'

export interface UpdateOptions {
  readonly engine: Engine
  /** The model that is to be updated, as it is deployed. */
  readonly model: Model
  /** The same with a head for the new classes too, its new rows last; or itself. */
  readonly widened: Model
  readonly data: UpdateData
  readonly budget: Budget
  /** Trials at most, each with more protection; default 3. */
  readonly trials?: number
  /** Passes over the new data; default 5. */
  readonly epochs?: number
  /** New rows a step; default 32. */
  readonly batchSize?: number
  /** Default 1e-3, and 1e-4 for a model with layer norms, as transformers have. */
  readonly learningRate?: number
  /** Default Adam. */
  readonly optimiser?: Optimiser
  /** Default all parameters. */
  readonly select?: Selection
  readonly lora?: LoraOptions
  /** Protections by trial instead of the usual ones. */
  readonly protections?: readonly Protection[]
  readonly seed?: number
  readonly signal?: AbortSignal
  readonly onEvent?: (event: UpdateEvent) => void
}

export type UpdateEvent =
  | { readonly type: 'trial'; readonly trial: number; readonly settings: TrialSettings }
  | {
      readonly type: 'progress'
      readonly trial: number
      readonly step: number
      readonly of: number
      readonly loss: number
    }
  | { readonly type: 'point'; readonly trial: number; readonly point: PathPoint }

export type TrialSettings = Protection & {
  readonly epochs: number
  readonly batchSize: number
  readonly learningRate: number
}

export interface TrialResult {
  /** What was trained with: 'replay+distillation', 'distillation'. */
  readonly method: string
  readonly settings: TrialSettings
  /** For each alpha the best point inside the budget, else the one that comes nearest. */
  readonly curve: readonly PathPoint[]
}

export interface UpdateResult {
  readonly status: 'met' | 'not-met' | 'inconclusive'
  readonly chosen: {
    readonly trial: number
    readonly alpha: number
    readonly offset: number
    readonly method: string
  }
  /** On old rows that had no part in the choice; null without old rows. */
  readonly old: {
    readonly before: number
    readonly after: number
    readonly drop: number
    readonly upper: number
    readonly n: number
    readonly negativeFlips: number
    readonly positiveFlips: number
  } | null
  /** On new rows that had no part in the choice. */
  readonly new: { readonly before: number; readonly after: number; readonly n: number }
  readonly budget: number
  readonly trials: readonly TrialResult[]
  /** Parameters and moving statistics of the chosen point, by name. */
  readonly parameters: ReadonlyMap<string, Tensor>
  /** Both ends of the chosen trial's path. */
  readonly path: Pick<Trained, 'start' | 'end'>
  readonly seconds: { readonly train: number; readonly search: number }
}

/** Without old rows nothing says how far to go; half way is what does best on average (WiSE-FT). */
const ALPHA_UNSEEN = 0.5

/** New accuracy that another trial would have to be able to win, for it to be worth its time. */
const WORTH_A_TRIAL = 0.01

/**
 * Updates a model on new data so that it gets at most `budget.maxDrop` worse on old data. Trains with what is left of the
 * old (rehearsal and distillation), then looks along the straight way between the old weights and the new for the best
 * new accuracy whose drop on old rows, with its confidence bound, is inside the budget; where that gives too little,
 * trains again with more protection. What is chosen is checked once on old rows that had no part in the choice.
 *
 * `met` says that the bound holds on these untouched rows; `not-met` that no point with a gain was inside the budget, or
 * that the untouched rows show a larger drop; `inconclusive` that there are too few old rows to tell.
 *
 * @throws UsageError `update-data` without new rows to train on and to measure on; and what training throws.
 * @example
 * const { status, parameters } = await updateModel({ engine, model, widened: model, data, budget: { maxDrop: 0.01 } })
 */
export async function updateModel(options: UpdateOptions): Promise<UpdateResult> {
  const { engine, model, widened, data } = options
  const parts = splitHeldOut(data, options.seed ?? 0)
  const before = openJudge(engine, model, outputsOf(model, widened))
  const judge = openJudge(engine, widened, widened.classes.length)
  try {
    const context: Context = {
      options,
      judge,
      parts,
      known: await withKnowledge(before, data, widened.classes.length > outputsOf(model, widened)),
      baseline: await baselineOf(before, parts),
      settings: settingsOf(options),
      oldClasses: outputsOf(model, widened),
      shift: shiftable(widened, outputsOf(model, widened)),
    }
    const tried: Tried[] = []
    for (const [index, protection] of (options.protections ?? protections)
      .slice(0, options.trials ?? 3)
      .entries()) {
      tried.push(await runTrial(context, index, protection))
      if (options.signal?.aborted || !worthAnother(tried)) break
    }
    return await conclude(context, tried)
  } finally {
    await before.dispose()
    await judge.dispose()
  }
}

interface Context {
  readonly options: UpdateOptions
  readonly judge: Judge
  readonly parts: Parts
  readonly known: TrialData
  readonly baseline: Baseline
  readonly settings: Omit<TrialSettings, keyof Protection>
  readonly oldClasses: number
  readonly shift: boolean
}

interface Tried {
  readonly index: number
  readonly trained: Trained
  readonly walk: Walk
  readonly chosen: PathPoint | undefined
  readonly result: TrialResult
  readonly seconds: UpdateResult['seconds']
}

/** The old model's answers. */
interface Baseline {
  readonly choose: Int32Array
  readonly check: Int32Array
  readonly newCheck: Int32Array
}

async function baselineOf(judge: Judge, { oldChoose, oldCheck, newCheck }: Parts): Promise<Baseline> {
  const predictions = async (data: Parts['oldCheck']): Promise<Int32Array> => {
    const answers = await judge.answers(data)
    return predicted(answers, answers.logits.dims[1] ?? 0, 0)
  }
  return {
    choose: await predictions(oldChoose),
    check: await predictions(oldCheck),
    newCheck: await predictions(newCheck),
  }
}

const outputsOf = (model: Model, widened: Model): number =>
  model.classes.length > 0 ? model.classes.length : widened.classes.length

/** Whether the new classes' logits can be shifted: by the head's bias, and only where there are some. */
const shiftable = (widened: Model, oldClasses: number): boolean =>
  widened.classes.length > oldClasses && findHead(widened)?.bias !== undefined

function settingsOf({ model, epochs, batchSize, learningRate }: UpdateOptions): Context['settings'] {
  const normed = model.graph.nodes.some(({ op }) => /Layer(Norm|Normalization)$|RMSNorm/.test(op))
  return {
    epochs: epochs ?? 5,
    batchSize: batchSize ?? 32,
    learningRate: learningRate ?? (normed ? 1e-4 : 1e-3),
  }
}

async function runTrial(context: Context, index: number, protection: Protection): Promise<Tried> {
  const { options, known, parts, settings, judge } = context
  const { engine, widened, budget, onEvent } = options
  const used: TrialSettings = { ...protection, ...settings }
  onEvent?.({ type: 'trial', trial: index, settings: used })
  const began = performance.now()
  const trained = await train({
    engine,
    model: widened,
    oldClasses: context.oldClasses,
    data: known,
    protection,
    settings: { optimiser: options.optimiser ?? adam() },
    select: options.select ?? { kind: 'all' },
    lora: options.lora,
    iterations: Math.max(
      1,
      Math.ceil((samples(known.train) * settings.epochs * protection.passes) / settings.batchSize),
    ),
    batchSize: settings.batchSize,
    learningRate: settings.learningRate,
    schedule: schedule({ kind: 'cosine' }),
    seed: options.seed ?? 0,
    ...(options.signal ? { signal: options.signal } : {}),
    onProgress: (progress) => onEvent?.({ type: 'progress', trial: index, ...progress }),
  })
  const searching = performance.now()
  const walk = await walkPath({
    engine,
    judge,
    start: trained.start,
    end: trained.end,
    old: parts.oldChoose,
    fresh: parts.newChoose,
    baseline: context.baseline.choose,
    oldClasses: context.oldClasses,
    budget,
    shift: context.shift,
    onPoint: (point) => onEvent?.({ type: 'point', trial: index, point }),
  })
  const chosen = parts.oldCheck
    ? choosePoint(gaining(walk), budget, samples(parts.oldCheck))
    : walk.points.find(({ alpha, offset }) => alpha === ALPHA_UNSEEN && offset === 0)
  return {
    index,
    trained,
    walk,
    chosen,
    result: { method: methodName(known, options), settings: used, curve: walk.curve },
    seconds: { train: (searching - began) / 1000, search: (performance.now() - searching) / 1000 },
  }
}

/** Points that are better on new rows than the path's start, where new classes are never answered. */
function gaining({ points }: Walk): PathPoint[] {
  const start = Math.min(...points.filter(({ alpha }) => alpha === 0).map((point) => point.new))
  return points.filter((point) => point.new > start)
}

function methodName({ exemplars, unlabelled }: TrialData, { lora, select }: UpdateOptions): string {
  const parts = [exemplars ? 'replay' : [], 'distillation', unlabelled ? 'unlabelled' : []].flat()
  const tuned = lora ? ' by LoRA' : select && select.kind !== 'all' ? ` of ${select.kind}` : ''
  return `${parts.join('+')}${tuned}`
}

/** Whether more protection could win something: the budget held back new accuracy that training had reached. */
function worthAnother(tried: readonly Tried[]): boolean {
  const reached = Math.max(...tried.flatMap(({ walk }) => walk.points.map((point) => point.new)))
  const chosen = bestTrial(tried)?.chosen
  return chosen === undefined || reached - chosen.new > WORTH_A_TRIAL
}

function bestTrial(tried: readonly Tried[]): Tried | undefined {
  return [...tried].sort((a, b) => (b.chosen?.new ?? -1) - (a.chosen?.new ?? -1))[0]
}

async function conclude(context: Context, tried: readonly Tried[]): Promise<UpdateResult> {
  const { options, judge, parts, baseline, oldClasses } = context
  const { engine, widened, budget } = options
  const winner = bestTrial(tried)
  if (!winner)
    throw new UsageError('update-trials', 'An update takes one trial or more, but none was asked for.')
  const point = winner.chosen ?? nearestPoint(winner.walk.points)
  const { alpha, offset } = point ?? { alpha: 0, offset: 0 }
  const blend = await openBlend(engine, winner.trained.start, winner.trained.end)
  const blended = await blend.at(alpha)
  await blend.dispose()
  const parameters = withOffset(widened, oldClasses, blended, offset)
  // The offset is part of the weights by now.
  const onOld = await judge.answers(parts.oldCheck, parameters)
  const onNew = await judge.answers(parts.newCheck, parameters)
  const flips = flipsBetween(baseline.check, predicted(onOld, oldClasses, 0), onOld.labels)
  const { drop, upper } = dropOf(flips, budget)
  const oldBefore = accuracyOf(baseline.check, onOld)
  return {
    status: statusOf(winner.chosen, flips, budget),
    chosen: { trial: winner.index, alpha, offset, method: winner.result.method },
    old: parts.oldCheck
      ? {
          before: oldBefore,
          after: oldBefore - drop,
          drop,
          upper,
          n: flips.total,
          negativeFlips: flips.negative,
          positiveFlips: flips.positive,
        }
      : null,
    new: {
      before: accuracyOf(baseline.newCheck, onNew),
      after: accuracyOf(predicted(onNew, oldClasses, 0), onNew),
      n: onNew.labels.length,
    },
    budget: budget.maxDrop,
    trials: tried.map(({ result }) => result),
    parameters,
    path: winner.trained,
    seconds: {
      train: tried.reduce((sum, { seconds }) => sum + seconds.train, 0),
      search: tried.reduce((sum, { seconds }) => sum + seconds.search, 0),
    },
  }
}

function statusOf(
  chosen: PathPoint | undefined,
  flips: ReturnType<typeof flipsBetween>,
  budget: Budget,
): UpdateResult['status'] {
  const verified = verify(flips, budget)
  if (!verified) return 'inconclusive'
  if (chosen && verified.passes) return 'met'
  // What lies as far below the estimate as the bound lies above it.
  const lower = 2 * verified.drop - verified.upperBound
  if (lower > budget.maxDrop) return 'not-met'
  return chosen === undefined && enoughRows(flips.total, budget) ? 'not-met' : 'inconclusive'
}

/** Whether rows without a single flip would show that the budget is kept; if not, nothing can be shown. */
const enoughRows = (rows: number, { maxDrop, confidence = 0.95 }: Budget): boolean =>
  rows >= examplesNeeded({ budget: maxDrop, flipRate: maxDrop, confidence })

function accuracyOf(predictions: Int32Array, { labels }: Answers): number {
  let right = 0
  for (const [row, label] of labels.entries()) if (predictions[row] === label) right++
  return labels.length === 0 ? 0 : right / labels.length
}

/** The weights with the offset added to the new classes' biases. */
function withOffset(
  model: Model,
  oldClasses: number,
  weights: ReadonlyMap<string, Tensor>,
  offset: number,
): ReadonlyMap<string, Tensor> {
  const name = findHead(model)?.bias
  const bias = name === undefined ? undefined : weights.get(name)
  if (name === undefined || !bias || offset === 0) return weights
  const data = (bias.data as Float32Array).map((value, unit) => (unit < oldClasses ? value : value + offset))
  return new Map([...weights, [name, float32(bias.dims, data)]])
}
