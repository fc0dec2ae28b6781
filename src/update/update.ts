import { classLabels, type Dataset, samples } from '../data/dataset.ts'
import { TrainingError } from '../errors.ts'
import { addsClasses } from './classes.ts'
import { conclude } from './conclude.ts'
import type { Context } from './context.ts'
import { closeContext, openContext } from './open-context.ts'
import { type Aim, accuracyOf, predicted, walkPath, worthAnother } from './path/index.ts'
import { type Protection, TIMED_STEPS, timeTrial, train, warmUpSteps } from './recipes/index.ts'
import type { Tried } from './take.ts'
import { trialOptions } from './trial-options.ts'
import type { UpdateOptions, UpdateResult } from './update-types.ts'
import { doubtsOf } from './warnings.ts'

export type { UpdateEvent, UpdateOptions, UpdateResult } from './update-types.ts'

/**
 * Updates a model on new data so that it gets at most `budget.maxDrop` worse on old data. Trains with what is left of the
 * old (rehearsal and distillation), then looks along the straight way between the old weights and the new for the best
 * new accuracy whose drop on old rows, with its confidence bound, is inside the budget; where the budget holds back what training has
 * reached, trains again with more protection. What is chosen is checked once on old rows that had no part in the choice.
 *
 * `met` says that the drop is shown to be inside the budget on these untouched rows; `not-met` that it is shown to be outside;
 * `inconclusive` that they are too few to tell: the gate's words for the same flips. `nothing-to-gain` says that nothing better was
 * found than the old model, which answers nearly all new rows right: its weights come back, and `chosen` is null. `learned` says whether
 * more of the untouched new rows are right than before.
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

/** Points that are judged in a trial, at most. */
const POINTS = 7

async function estimate(context: Context): Promise<UpdateEstimate> {
  const { protections, parts, options, secondsPerRow, preparation } = context
  const rowsOf = (...judged: readonly (Dataset | undefined)[]) =>
    judged.reduce((sum, part) => sum + (part ? samples(part) : 0), 0)
  const check = rowsOf(parts.newCheck, parts.oldCheck) * secondsPerRow
  const [first] = protections
  if (!first) return { trials: [], secondsPerStep: 0, preparation, check }
  const began = performance.now()
  const secondsPerStep = await timeTrial(trialOptions(context, 0, first).trial)
  // What is left of the time went to building the step and opening it, which each trial does anew.
  const opening = Math.max(0, (performance.now() - began) / 1000 - (TIMED_STEPS + 1) * secondsPerStep)
  const judged = rowsOf(parts.newChoose, parts.oldChoose)
  const added = addsClasses(options)
  // Later trials replay more, and their steps take as much longer as they have more rows.
  const { width } = trialOptions(context, 0, first)
  return {
    secondsPerStep,
    preparation,
    check,
    trials: protections.map((protection, index) => {
      const { trial, width: rows } = trialOptions(context, index, protection)
      const steps = trial.iterations + (added ? warmUpSteps(trial) : 0)
      const training = (steps * secondsPerStep * rows) / width
      const seconds = (added ? 2 : 1) * opening + training + POINTS * judged * secondsPerRow
      return { steps, seconds }
    }),
  }
}

async function runTrials(context: Context): Promise<UpdateResult> {
  const { options, baseline, parts } = context
  const aim: Aim = {
    budget: options.budget,
    before: accuracyOf(baseline.newChoose, classLabels(parts.newChoose)),
    rows: baseline.check.length,
    added: addsClasses(options),
  }
  const tried: Tried[] = []
  if (await knowsAll(context, aim)) return conclude(context, tried, aim)
  for (const [index, protection] of context.protections.entries()) {
    tried.push(await runTrial(context, index, protection, aim))
    const points = tried.map(({ walk }) => walk.points)
    if (!worthAnother(points, aim)) break
  }
  return conclude(context, tried, aim)
}

/** Whether the old model answers every new row right, those to train on included: then there is nothing to train for. */
async function knowsAll({ judge, options, oldClasses }: Context, { before, added }: Aim): Promise<boolean> {
  if (before < 1 || added) return false
  const answers = await judge.answers(options.data.train)
  return accuracyOf(predicted(answers, oldClasses, 0), answers.labels) === 1
}

/** @throws TrainingError `interrupted` once the signal was given. */
function stopIfAsked({ signal }: UpdateOptions, index: number, doing: string): void {
  if (!signal?.aborted) return
  throw new TrainingError(
    'interrupted',
    `Stopped in trial ${index + 1} while ${doing}, as asked. Nothing was written; the same command begins anew.`,
  )
}

async function runTrial(context: Context, index: number, protection: Protection, aim: Aim): Promise<Tried> {
  const { options, parts, method, judge } = context
  const { engine, onEvent } = options
  const { used, trial, unlabelled } = trialOptions(context, index, protection)
  onEvent?.({ type: 'trial', trial: index, settings: used })
  const began = performance.now()
  const trained = await train({
    ...trial,
    onProgress: (progress) => onEvent?.({ type: 'progress', trial: index, ...progress }),
  })
  stopIfAsked(options, index, 'training')
  const searching = performance.now()
  const walk = await walkPath({
    engine,
    judge,
    start: trained.start,
    end: trained.end,
    old: parts.oldChoose,
    fresh: parts.newChoose,
    baseline: context.baseline.choose,
    claims: context.claims.choose,
    oldClasses: context.oldClasses,
    aim,
    shift: context.shift,
    stored: options.stored,
    onPoint: (point) => {
      onEvent?.({ type: 'point', trial: index, point })
      stopIfAsked(options, index, 'searching the path')
    },
  })
  return {
    index,
    trained,
    walk,
    result: { method: methodName(method, unlabelled, options), settings: used, curve: walk.curve },
    seconds: { train: (searching - began) / 1000, search: (performance.now() - searching) / 1000 },
  }
}

function methodName(method: string, unlabelled: boolean, { lora, select }: UpdateOptions): string {
  const tuned = lora ? ' by LoRA' : select && select.kind !== 'all' ? ` of ${select.kind}` : ''
  return `${method}${unlabelled ? '+unlabelled' : ''}${tuned}`
}
