import { spanned } from '../spans.ts'
import { runTrials } from './climb.ts'
import { estimate } from './estimate.ts'
import { closeContext, openContext } from './open-context.ts'
import type { UpdateEstimate, UpdateOptions, UpdateResult } from './update-types.ts'
import { doubtsOf } from './warnings.ts'

export type { UpdateEstimate, UpdateEvent, UpdateOptions, UpdateResult } from './update-types.ts'

/**
 * Updates a model on new data so that it gets at most `budget.maxDrop` worse on old data. Climbs a ladder of
 * recipes, from the cheapest to the dearest, for as long as the next can pay: the head on stored features, what lies above a cut on
 * stored activations, everything; each rehearses and distils what is left of the old. Points on the straight ways between old weights
 * and new are put in an order by new rows and by old rows that prove nothing, from the one that seems to lose least on, and tested in
 * that order on all old rows that are held out, up to the first whose drop is not shown to be inside the budget.
 *
 * `met` says that the drop is shown to be inside the budget; `not-met` that it is shown to be outside;
 * `inconclusive` that they are too few to tell: the gate's words for the same flips. `nothing-to-gain` says that nothing better was
 * found than the old model: its weights come back, and `chosen` is null. `learned` says whether
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

/**
 * The parts of {@link updateModel}, for those who want to know what it costs first.
 *
 * @throws What {@link updateModel} throws.
 * @example
 * const update = await openUpdate(options)
 * const { trials } = await update.estimate()
 */
export async function openUpdate(options: UpdateOptions): Promise<Update> {
  const context = await spanned('prepare', () => openContext(options))
  return {
    doubts: doubtsOf(context.before),
    estimate: () => spanned('estimate', () => estimate(context)),
    run: () => runTrials(context),
    dispose: () => closeContext(context),
  }
}
