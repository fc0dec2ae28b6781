import { classLabels, type Dataset, samples } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { type Judge, openJudge } from '../evaluate/judge.ts'
import type { OpenReader } from '../evaluate/reader.ts'
import { type Agreement, agreement } from '../measure/chance.ts'
import { checkedConfidence } from '../measure/confidence.ts'
import { checkBudget } from '../measure/paired.ts'
import type { MethodState, TaskContext } from '../methods/method.ts'
import { holdsWeights, methodParts } from '../methods/registry.ts'
import { findHead, widerDiagonal } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { itemAt, present } from '../required.ts'
import { taskSources } from '../train/run/index.ts'
import { adam, schedule } from '../train/step/index.ts'
import { updateDefaults } from './defaults.ts'
import { type Parts, splitHeldOut } from './parts.ts'
import { type Claim, claimsFor, predicted } from './path/index.ts'
import {
  chooseMethod,
  openPastReader,
  type Protection,
  pastOf,
  protections,
  type TrialOptions,
  trainedModel,
  trialMethod,
  updateTasks,
} from './recipes/index.ts'
import type { Known, TrialSettings, UpdateOptions } from './update-types.ts'

/** The method that trains, by its name, checked against the data. */
export function methodOf({ method: asked, data, lora, model, widened }: UpdateOptions): string {
  const { name } = chooseMethod(asked, {
    exemplars: data.exemplars !== undefined && samples(data.exemplars) > 0,
    unlabelled: data.unlabelled !== undefined,
    added: widened.classes.length > outputsOf(model, widened),
  })
  const penalty = methodParts(name).find(holdsWeights)
  if (!penalty || !lora) return name
  throw new UsageError(
    'method-lora',
    `The method ${penalty.name} holds weights in place, but LoRA leaves them as they are and trains others. Take one of the two: LoRA with replay, or ${penalty.name} on the model's own weights.`,
  )
}

/** All that the trials of one update share. */
export interface Context {
  readonly options: UpdateOptions
  /** The method's name. */
  readonly method: string
  /** What it remembers of the old model. */
  readonly past: MethodState
  readonly task: TaskContext
  /** The old model's answers, for the method. */
  readonly reader: OpenReader
  readonly judge: Judge
  readonly parts: Parts
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

/** Answers with the old model everything that is asked of it once. To be closed with {@link closeContext}. */
export async function openContext(options: UpdateOptions): Promise<Context> {
  const { engine, model, widened, data, budget } = options
  checkBudget(budget.maxDrop)
  checkedConfidence(budget.confidence)
  const parts = splitHeldOut(data)
  const method = methodOf(options)
  const oldClasses = outputsOf(model, widened)
  const settings = settingsOf(options)
  const classes = widened.classes.length
  const tasks = updateTasks(data, { oldClasses, classes, batchSize: settings.batchSize })
  const reader = openPastReader(engine, widened, classes)
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
      past: await rememberedPast(options, { method, task: tasks.past, reader }),
      task: tasks.now,
      reader,
      settings,
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

/** Gives back what the trials shared. */
export async function closeContext({ judge, reader }: Context): Promise<void> {
  await judge.dispose()
  await reader.dispose()
}

/** What the method remembers of the old model, by the names that train: those of low-rank updates, where these do. */
async function rememberedPast(
  options: UpdateOptions,
  given: { readonly method: string; readonly task: TaskContext; readonly reader: OpenReader },
): Promise<MethodState> {
  const { engine, widened, lora, fisher, seed = 0 } = options
  const [first = itemAt(protections, 0, 'protection')] = options.protections ?? protections
  const place = placeOf(options, given.task, 0, first)
  const { method } = trialMethod(given.method, options.methodOptions ?? {}, place)
  const model = lora ? trainedModel({ lora, select: { kind: 'all' }, seed }, widened).model : widened
  return pastOf(method, {
    ...{ engine, model, task: given.task, reader: given.reader, seed },
    fisher: fisher && widerDiagonal(widened, fisher),
  })
}

const placeOf = (
  { data: { exemplars }, model, widened }: UpdateOptions,
  { batchSize }: TaskContext,
  trial: number,
  protection: Protection,
) => ({
  ...{ trial, protection, batchSize },
  oldRows: exemplars ? samples(exemplars) : 0,
  oldClasses: outputsOf(model, widened),
  classes: widened.classes.length,
})

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
  const { options, method: name, past, reader, settings } = context
  const place = placeOf(options, context.task, index, protection)
  const { method, options: methodOptions } = trialMethod(name, options.methodOptions ?? {}, place)
  const used: TrialSettings = { ...protection, ...settings, methodOptions }
  const [fresh, ...others] = taskSources(method, past, context.task)
  const rows = samples(present(fresh, 'new rows').dataset)
  const task = { ...context.task, batchSize: Math.min(used.batchSize, rows) }
  const trial: TrialOptions = {
    engine: options.engine,
    model: options.widened,
    oldClasses: context.oldClasses,
    ...{ method, state: past, task, reader },
    settings: { optimiser: options.optimiser ?? adam() },
    select: options.select ?? { kind: 'all' },
    lora: options.lora,
    iterations: stepsOf(rows, used),
    learningRate: used.learningRate * protection.rate,
    schedule: schedule({ kind: 'cosine' }),
    seed: options.seed ?? 0,
    signal: options.signal,
  }
  return {
    used,
    trial,
    /** Rows in a batch. */
    width: others.reduce((sum, { size }) => sum + size, task.batchSize),
    unlabelled: others.some((source) => source.labelled === false),
  }
}
