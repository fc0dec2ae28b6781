import { type Dataset, samples } from '../data/dataset.ts'
import { TrainingError } from '../errors.ts'
import { findHead } from '../model/heads/index.ts'
import { present } from '../required.ts'
import { addsClasses } from './classes.ts'
import { conclude } from './conclude.ts'
import type { Context } from './context.ts'
import { type Ground, openGround } from './ground.ts'
import { closeContext, openContext } from './open-context.ts'
import { type Aim, accuracyOf, predicted, walkPath, withinBudget, worthClimbing } from './path/index.ts'
import {
  type Beginning,
  type ClosedFormKind,
  closedForms,
  closedFormTrial,
  type Rung,
  readsFeatures,
  TIMED_STEPS,
  timeTrial,
  train,
  warmUpSteps,
} from './recipes/index.ts'
import type { Tried } from './take.ts'
import { trialOptions } from './trial-options.ts'
import type { UpdateOptions, UpdateResult } from './update-types.ts'
import { doubtsOf } from './warnings.ts'

export type { UpdateEvent, UpdateOptions, UpdateResult } from './update-types.ts'

/**
 * Updates a model on new data so that it gets at most `budget.maxDrop` worse on old data. Climbs a ladder of
 * recipes, from the cheapest to the dearest, for as long as the next can pay: the head on stored features, what lies above a cut on
 * stored activations, everything; each rehearses and distils what is left of the old. Points on the straight ways between old weights
 * and new are put in an order by new rows and by old rows that prove nothing, from the one that seems to lose least on, and tested in
 * that order on all old rows that are held out, up to the first whose drop is not shown to be inside the budget.
 *
 * `met` says that the drop is shown to be inside the budget; `not-met` that it is shown to be outside;
 * `inconclusive` that they are too few to tell: the gate's words for the same flips. `nothing-to-gain` says that nothing better was
 * found than the old model, which answers nearly all new rows right: its weights come back, and `chosen` is null. `learned` says whether
 * more of the held-out new rows are right than before.
 *
 * @throws UsageError `confidence-range`, `budget-range`, `update-data` without new rows to train on and to measure on, `method-old-data`
 * for a method that needs exemplars where there are none, `method-lora` for a penalty with LoRA, `method-option`; TrainingError
 * `interrupted` after the signal, `diverged`;
 * and what training throws.
 * @example
 * const { status, parameters } = await updateModel({ engine, model, widened: model, data, budget: { maxDrop: 0.01 } })
 */
export async function updateModel(options: UpdateOptions): Promise<UpdateResult> {
  const update = await openUpdate(options)
  try {
    return await update.run()
  } finally {
    await update.dispose()
  }
}

/** An update that can say what it will cost before it begins. */
export interface Update {
  /** What makes the old model's own answers doubtful, in sentences; the result says it, too. */
  readonly doubts: readonly string[]
  /** Times a few steps that leave no trace. */
  estimate(): Promise<UpdateEstimate>
  run(): Promise<UpdateResult>
  dispose(): Promise<void>
}

/** What an update will cost. */
export interface UpdateEstimate {
  /** Of each trial, in order; how many there will be is seen on the way. */
  readonly trials: readonly { readonly steps: number; readonly seconds: number }[]
  readonly secondsPerStep: number
  /** Spent already on what the old model answers, and on its Fisher. */
  readonly preparation: number
  /** What the chosen point takes to be checked. */
  readonly check: number
}

/**
 * The parts of {@link updateModel}, for those who want to know what it costs first.
 *
 * @throws What {@link updateModel} throws.
 * @example
 * const update = await openUpdate(options)
 * const { trials } = await update.estimate()
 */
export async function openUpdate(options: UpdateOptions): Promise<Update> {
  const context = await openContext(options)
  return {
    doubts: doubtsOf(context.before),
    estimate: () => estimate(context),
    run: () => runTrials(context),
    dispose: () => closeContext(context),
  }
}

/** Points that are looked at on a path. */
const POINTS = 5

const rowsIn = (...judged: readonly (Dataset | undefined)[]): number =>
  judged.reduce((sum, part) => sum + (part ? samples(part) : 0), 0)

/** One way to try a rung: at a learning rate, or in a closed form. */
type Variant = { readonly rate: number } | { readonly kind: ClosedFormKind }

function variantsOf({ learningRate, widened }: UpdateOptions, { name, rates }: Rung): readonly Variant[] {
  if (name !== 'closed-form')
    return (learningRate === undefined ? rates : [learningRate]).map((rate) => ({ rate }))
  // Discriminants need an offset a class.
  const biased = findHead(widened)?.bias !== undefined
  return closedForms.filter((kind) => kind !== 'lda' || biased).map((kind) => ({ kind }))
}

const firstRate = (options: UpdateOptions, rung: Rung): number =>
  present(
    variantsOf(options, rung).flatMap((variant) => ('rate' in variant ? [variant.rate] : []))[0],
    'rate',
  )

async function estimate(context: Context): Promise<UpdateEstimate> {
  const { rungs, parts, options, secondsPerRow, preparation } = context
  const check = rowsIn(parts.check, parts.proof) * secondsPerRow
  const added = addsClasses(options)
  const trials: { readonly steps: number; readonly seconds: number }[] = []
  let slowest = 0
  for (const [index, rung] of rungs.entries()) {
    const began = performance.now()
    const ground = await openGround(context, rung)
    try {
      const tries = variantsOf(options, rung).length
      if (rung.name === 'closed-form') {
        trials.push({ steps: 0, seconds: (performance.now() - began) / 1000 })
        continue
      }
      const { trial } = trialOptions(context, ground, index, { rate: firstRate(options, rung) })
      const secondsPerStep = await timeTrial(trial)
      // What is left of the time went to rows, to building the step and opening it, which the trial does anew.
      const opening = Math.max(0, (performance.now() - began) / 1000 - (TIMED_STEPS + 1) * secondsPerStep)
      const steps = trial.iterations + (added && index === 0 ? warmUpSteps(trial) : 0)
      const judged = POINTS * rowsIn(parts.choose, parts.order) * secondsPerRow
      slowest = Math.max(slowest, secondsPerStep)
      trials.push({ steps, seconds: opening + tries * (steps * secondsPerStep + judged) })
    } finally {
      await ground.dispose()
    }
  }
  return { trials, secondsPerStep: slowest, preparation, check }
}

async function runTrials(context: Context): Promise<UpdateResult> {
  const { aim, rungs } = context
  const climbed: Climbed[] = []
  let stopped: UpdateResult['stopped'] = null
  const began = performance.now()
  try {
    if (await knowsAll(context)) return await conclude(context, [])
    for (const rung of rungs) {
      const heads = climbed.filter(({ ground }) => readsFeatures(ground.rung)).length
      const guesses = climbed.map(({ tried }) => tried.flatMap((each) => each.guesses))
      if (!worthClimbing(guesses, aim, heads)) break
      const next = await climb(context, climbed, rung, began)
      if ('seconds' in next) {
        stopped = next
        break
      }
      climbed.push(next)
    }
    return await conclude(
      context,
      climbed.flatMap(({ tried }) => tried),
      stopped,
    )
  } finally {
    for (const { ground } of climbed) await ground.dispose()
  }
}

/** A rung, and its trials. */
interface Climbed {
  readonly ground: Ground
  readonly tried: readonly Tried[]
}

/** Whether the old model answers every new row right, those to train on included: then there is nothing to train for. */
async function knowsAll({ judge, options, oldClasses, aim }: Context): Promise<boolean> {
  if (aim.before < 1 || aim.added) return false
  const answers = await judge.answers(options.data.train)
  return accuracyOf(predicted(answers, oldClasses, 0), answers.labels) === 1
}

/** @throws TrainingError `interrupted` once the signal was given. */
function stopIfAsked({ signal }: UpdateOptions, doing: string): void {
  if (!signal?.aborted) return
  throw new TrainingError(
    'interrupted',
    `Stopped while ${doing}, as asked. Nothing was written; the same command begins anew.`,
  )
}

/** Seconds that have to be allowed for a rung to be climbed, where these are more than are. */
async function tooDear(context: Context, ground: Ground, start: number): Promise<number | undefined> {
  const { options } = context
  if (options.time === undefined) return undefined
  const tries = variantsOf(options, ground.rung).length
  const { trial } = trialOptions(context, ground, 0, { rate: firstRate(options, ground.rung) })
  const seconds = (await timeTrial(trial)) * trial.iterations * tries
  const needed = seconds + (performance.now() - start) / 1000
  return needed > options.time ? needed : undefined
}

/**
 * Tries a rung at each of its rates, from where the best trial of the rung below has come to. The first rung is always climbed, others only
 * where they seem to end in the time that is allowed.
 */
async function climb(
  context: Context,
  below: readonly Climbed[],
  rung: Rung,
  start: number,
): Promise<Climbed | NonNullable<UpdateResult['stopped']>> {
  const began = performance.now()
  const ground = await openGround(context, rung)
  try {
    const seconds = below.length > 0 ? await tooDear(context, ground, start) : undefined
    if (seconds !== undefined) {
      await ground.dispose()
      return { rung: rung.place, seconds }
    }
    const tried: Tried[] = []
    const first = below.reduce((count, each) => count + each.tried.length, 0)
    const opened = (performance.now() - began) / 1000
    for (const [at, variant] of variantsOf(context.options, rung).entries()) {
      const done = await runTrial(context, ground, first + at, {
        ...variant,
        from: beginningAbove(context, below),
      })
      tried.push(
        at === 0 ? { ...done, seconds: { ...done.seconds, train: done.seconds.train + opened } } : done,
      )
    }
    return { ground, tried }
  } catch (error) {
    await ground.dispose()
    throw error
  }
}

/**
 * Where classes are added the paths of all rungs but the first begin with a head that knows them, over the old layers below; else with the
 * old weights.
 */
function beginningAbove({ aim }: Context, below: readonly Climbed[]): Beginning | undefined {
  const last = below.at(-1)
  const start = below[0]
  if (!last || !start) return undefined
  const { trained } = bestOf(last.tried, aim)
  const first = bestOf(start.tried, aim).trained
  return { weights: trained.end, path: aim.added ? first.end : first.start }
}

/** The trial that seems to get most inside the budget. */
function bestOf(tried: readonly Tried[], aim: Aim): Tried {
  const worth = (each: Tried) => withinBudget(each.guesses, aim)
  return tried.reduce((best, each) => (worth(each) > worth(best) ? each : best))
}

async function runTrial(
  context: Context,
  ground: Ground,
  index: number,
  at: Variant & { readonly from: Beginning | undefined },
): Promise<Tried> {
  const { options } = context
  const { engine } = options
  const began = performance.now()
  const { settings, name, trained } =
    'kind' in at ? await workOut(context, ground, index, at.kind) : await trainAt(context, ground, index, at)
  stopIfAsked(options, `training ${ground.rung.place}`)
  const searching = performance.now()
  const guesses = await walkPath({
    engine,
    judge: ground.judge,
    trial: index,
    start: trained.start,
    end: trained.end,
    order: ground.order,
    before: context.baseline.order,
    fresh: ground.choose,
    oldClasses: context.oldClasses,
    shift: context.shift,
    stored: options.stored,
  })
  stopIfAsked(options, 'comparing points of the path')
  return {
    ...{ index, ground, trained, guesses },
    method: name,
    settings,
    seconds: { train: (searching - began) / 1000, search: (performance.now() - searching) / 1000 },
  }
}

/** What a trial came to, before its path is looked at. */
type Trial = Pick<Tried, 'settings' | 'trained'> & { readonly name: string }

async function trainAt(
  context: Context,
  ground: Ground,
  index: number,
  at: { readonly rate: number; readonly from: Beginning | undefined },
): Promise<Trial> {
  const { options, method } = context
  const { onEvent } = options
  const { used, trial, unlabelled } = trialOptions(context, ground, index, at)
  onEvent?.({ type: 'trial', trial: index, settings: used })
  const trained = await train({
    ...trial,
    onProgress: (progress) => onEvent?.({ type: 'progress', trial: index, ...progress }),
  })
  return { settings: used, trained, name: methodName(method, unlabelled, options) }
}

async function workOut(
  { options, oldClasses }: Context,
  { rung, task, exemplars, widened }: Ground,
  index: number,
  kind: ClosedFormKind,
): Promise<Trial> {
  const settings = {
    ...{ rung: rung.place, ...rung.protection, epochs: 0, batchSize: task.batchSize, learningRate: 0 },
  }
  options.onEvent?.({ type: 'trial', trial: index, settings })
  const trained = await closedFormTrial({
    ...{ engine: options.engine, model: widened, oldClasses, train: task.train, exemplars, kind },
    ...{ sums: options.data.sums, seed: options.seed ?? 0, signal: options.signal },
  })
  return { settings, trained, name: kind }
}

function methodName(method: string, unlabelled: boolean, { lora, select }: UpdateOptions): string {
  const tuned = lora ? ' by LoRA' : select && select.kind !== 'all' ? ` of ${select.kind}` : ''
  return `${method}${unlabelled ? '+unlabelled' : ''}${tuned}`
}
