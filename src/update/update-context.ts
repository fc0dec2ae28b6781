import { classLabels, type Dataset, samples } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { type Judge, openJudge } from '../evaluate/judge.ts'
import { type Agreement, agreement } from '../measure/chance.ts'
import { checkedConfidence } from '../measure/confidence.ts'
import { checkBudget } from '../measure/paired.ts'
import { fisherDiagonal } from '../methods/fisher/index.ts'
import { emptyState, type MethodState } from '../methods/method.ts'
import { mergeQuadratic } from '../methods/quadratic.ts'
import { findHead, widerDiagonal } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { itemAt } from '../required.ts'
import { randomStream } from '../tensor/random.ts'
import { adam, schedule } from '../train/step/index.ts'
import { updateDefaults } from './defaults.ts'
import { type Parts, splitHeldOut, withKnowledge } from './parts.ts'
import { type Claim, claimsFor, predicted } from './path/index.ts'
import {
  chooseMethod,
  type Protection,
  protections,
  type TrialData,
  type TrialOptions,
  type UpdateMethod,
} from './recipes/index.ts'
import type { Known, TrialSettings, UpdateOptions } from './update-types.ts'

/** The method that trains, checked against the data. */
export function methodOf({ method: asked, data, lora, model, widened }: UpdateOptions): UpdateMethod {
  const { method } = chooseMethod(asked, {
    exemplars: data.exemplars !== undefined && samples(data.exemplars) > 0,
    unlabelled: data.unlabelled !== undefined,
    added: widened.classes.length > outputsOf(model, widened),
  })
  if (!method.penalty || !lora) return method
  throw new UsageError(
    'method-lora',
    "EWC holds weights in place, but LoRA leaves them as they are and trains others. Take one of the two: LoRA with replay, or EWC on the model's own weights.",
  )
}

/**
 * What EWC remembers of the old model: the Fisher that is given, else the exact one on the exemplars, over the classes that the model
 * knows. Rows of the head for new classes are free.
 */
async function penaltyOf(options: UpdateOptions): Promise<MethodState> {
  const { widened, data, fisher } = options
  if (!data.exemplars) return emptyState
  const diagonal = fisher ? widerDiagonal(widened, fisher) : await exactFisher(options, data.exemplars)
  const { tensors } = mergeQuadratic(emptyState, diagonal, widened.parameters, {
    decay: 1,
    latestAnchor: true,
  })
  return { tensors, values: { constant: 0 } }
}

async function exactFisher({ engine, widened, model, seed = 0 }: UpdateOptions, dataset: Dataset) {
  const { diagonal } = await fisherDiagonal({
    engine,
    model: widened,
    parameters: widened.parameters,
    buffers: widened.buffers,
    dataset,
    units: Array.from({ length: outputsOf(model, widened) }, (_, unit) => unit),
    random: randomStream(seed, 'update/fisher'),
  })
  return diagonal
}

/** How many times as strong the penalty of a trial is as that of the one before. */
const PENALTY_GROWTH = 10

/** All that the trials of one update share. */
export interface Context {
  readonly options: UpdateOptions
  readonly method: UpdateMethod
  readonly penalty: MethodState | undefined
  readonly judge: Judge
  readonly parts: Parts
  readonly known: TrialData
  readonly baseline: Baseline
  /** What the budget is held on: on the rows that choose, and on those that check. */
  readonly claims: { readonly choose: readonly Claim[] | undefined; readonly check: readonly Claim[] }
  readonly before: Known
  readonly settings: Omit<TrialSettings, keyof Protection>
  readonly oldClasses: number
  readonly shift: boolean
  /** In the order of the trials. */
  readonly protections: readonly Protection[]
  /** How long one row took to be judged. */
  readonly secondsPerRow: number
  /** Seconds that all this took. */
  readonly preparation: number
}

/** Answers with the old model everything that is asked of it once. To be closed with `judge.dispose()`. */
export async function openContext(options: UpdateOptions): Promise<Context> {
  const { engine, model, widened, data, budget } = options
  checkBudget(budget.maxDrop)
  checkedConfidence(budget.confidence)
  const parts = splitHeldOut(data)
  const method = methodOf(options)
  const oldClasses = outputsOf(model, widened)
  const before = openJudge(engine, model, oldClasses)
  try {
    const began = performance.now()
    const baseline = await baselineOf(before, parts)
    const rows = Object.values(baseline).reduce((sum, { length }) => sum + length, 0)
    const context = {
      options,
      judge: openJudge(engine, widened, widened.classes.length),
      parts,
      method,
      baseline,
      claims: claimsOn(options, parts, baseline),
      before: knownOf(parts, baseline, oldClasses),
      secondsPerRow: (performance.now() - began) / 1000 / rows,
      known: await withKnowledge(before, data, widened.classes.length > oldClasses, method),
      penalty: method.penalty ? await penaltyOf(options) : undefined,
      settings: settingsOf(options),
      oldClasses,
      shift: shiftable(widened, oldClasses),
      // Without old rows nothing says whether one trial is better than another.
      protections: (options.protections ?? protections).slice(
        0,
        parts.oldCheck ? (options.trials ?? updateDefaults.trials) : 1,
      ),
    }
    return { ...context, preparation: (performance.now() - began) / 1000 }
  } finally {
    await before.dispose()
  }
}

function claimsOn(
  { budget, data }: UpdateOptions,
  { oldChoose, oldCheck }: Parts,
  { choose, check }: Baseline,
): Context['claims'] {
  const { traffic, first } = data
  const on = (rows: Dataset | undefined, before: Int32Array, release: Int32Array | undefined) =>
    rows && claimsFor({ budget, before, labels: classLabels(rows), traffic, first: release })
  return { choose: on(oldChoose, choose, first?.choose), check: on(oldCheck, check, first?.check) ?? [] }
}

/** The old model's answers. */
interface Baseline {
  readonly choose: Int32Array
  readonly check: Int32Array
  readonly newChoose: Int32Array
  readonly newCheck: Int32Array
}

async function baselineOf(
  judge: Judge,
  { oldChoose, oldCheck, newChoose, newCheck }: Parts,
): Promise<Baseline> {
  const predictions = async (data: Parts['oldCheck']): Promise<Int32Array> => {
    const answers = await judge.answers(data)
    return predicted(answers, answers.logits.dims[1] ?? 0, 0)
  }
  return {
    choose: await predictions(oldChoose),
    check: await predictions(oldCheck),
    newChoose: await predictions(newChoose),
    newCheck: await predictions(newCheck),
  }
}

/** What the old model answers right of everything that is measured on. New classes it cannot know. */
function knownOf(parts: Parts, baseline: Baseline, oldClasses: number): Known {
  const agreementOn = (found: readonly (readonly [Dataset | undefined, Int32Array])[]): Agreement | null => {
    const rows = found.flatMap(([data, answers]) =>
      data
        ? Array.from(classLabels(data), (label, row) => ({ label, answer: itemAt(answers, row, 'answer') }))
        : [],
    )
    const known = rows.filter(({ label }) => label < oldClasses)
    if (known.length === 0) return null
    return agreement(
      known.map(({ label }) => label),
      known.map(({ answer }) => answer),
    )
  }
  return {
    old: agreementOn([
      [parts.oldChoose, baseline.choose],
      [parts.oldCheck, baseline.check],
    ]),
    new: agreementOn([
      [parts.newChoose, baseline.newChoose],
      [parts.newCheck, baseline.newCheck],
    ]),
  }
}

/** Outputs of the old model. */
const outputsOf = (model: Model, widened: Model): number =>
  model.classes.length > 0 ? model.classes.length : widened.classes.length

/** Whether the new classes' logits can be shifted: by the head's bias, and only where there are some. */
const shiftable = (widened: Model, oldClasses: number): boolean =>
  widened.classes.length > oldClasses && findHead(widened)?.bias !== undefined

function settingsOf({ model, epochs, batchSize, learningRate }: UpdateOptions): Context['settings'] {
  const normed = model.graph.nodes.some(({ op }) => /Layer(Norm|Normalization)$|RMSNorm/.test(op))
  return {
    epochs: epochs ?? updateDefaults.epochs,
    batchSize: batchSize ?? updateDefaults.batchSize,
    learningRate: learningRate ?? (normed ? 1e-4 : 1e-3),
  }
}

/** Steps of a trial that passes over `rows` rows; where classes are added, a fifth as many come before for the head. */
const stepsOf = (rows: number, { epochs, passes, batchSize }: TrialSettings): number =>
  Math.max(1, Math.ceil((rows * epochs * passes) / batchSize))

/** What the trial of that number trains with. */
export function trialOptions(context: Context, index: number, protection: Protection) {
  const { options, known, method, penalty } = context
  const lambda = method.penalty
    ? (options.lambda ?? updateDefaults.lambda) * PENALTY_GROWTH ** index
    : undefined
  const used: TrialSettings = {
    ...protection,
    ...context.settings,
    ...(lambda === undefined ? {} : { lambda }),
  }
  const trial: TrialOptions = {
    engine: options.engine,
    model: options.widened,
    oldClasses: context.oldClasses,
    data: known,
    protection,
    distils: method.distillation,
    penalty: penalty && lambda !== undefined ? { state: penalty, lambda } : undefined,
    settings: { optimiser: options.optimiser ?? adam() },
    select: options.select ?? { kind: 'all' },
    lora: options.lora,
    iterations: stepsOf(samples(known.train), used),
    batchSize: used.batchSize,
    learningRate: used.learningRate,
    schedule: schedule({ kind: 'cosine' }),
    seed: options.seed ?? 0,
    ...(options.signal ? { signal: options.signal } : {}),
  }
  return { used, trial }
}
