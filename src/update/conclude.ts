import { classLabels, type Dataset } from '../data/dataset.ts'
import type { PairedCounts } from '../measure/paired.ts'
import { wilson } from '../measure/wilson.ts'
import { type Model, weightsOf } from '../model/model.ts'
import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { newByClass } from './by-class.ts'
import type { Tried } from './candidates.ts'
import type { Context } from './context.ts'
import { expansionGain } from './expansion.ts'
import { outlookOf } from './outlook.ts'
import { rowsIn } from './parts.ts'
import {
  accuracyOf,
  type ClaimResult,
  flipsBetween,
  hasLearned,
  heldBack,
  judgeClaims,
  passes,
  predicted,
  seenInside,
  statusOf,
  type Tested,
} from './path/index.ts'
import type { ProofRows } from './proof-rows.ts'
import { curveOf } from './shown.ts'
import { take } from './take.ts'
import type { UpdateOptions, UpdateResult } from './update-types.ts'

/**
 * The candidate that was taken, or the old model, where there is nothing to gain; and what can be said of it.
 *
 * @param stopped Where the ladder ended for want of time.
 */
export async function conclude(
  context: Context,
  tried: readonly Tried[],
  stopped: UpdateResult['stopped'] = null,
): Promise<UpdateResult> {
  const { judge, parts, baseline, oldClasses, options } = context
  const { budget, widened, data } = options
  const began = performance.now()
  const { tested, taken, crossFitted } = await take(context, tried)
  // The offset is part of the weights by now.
  const answered = async (rows: Dataset) =>
    predicted(await judge.answersOnce(rows, taken?.parameters), oldClasses, 0)
  const onNew = taken ? await answered(parts.check) : baseline.check
  const onOld = taken?.proof ?? baseline.proof
  const newLabels = classLabels(parts.check)
  const oldLabels = parts.proof?.labels ?? new Int32Array()
  const lost = flipsBetween(baseline.proof, onOld, oldLabels)
  const claims = judgeClaims(context.claims, onOld, oldLabels, budget.confidence)
  const won = flipsBetween(baseline.check, onNew, newLabels)
  const measured =
    taken && parts.proof ? { loss: taken.guess.loss, drop: itemAt(claims, 0, 'claim').drop } : undefined
  return {
    status: statusOf(taken?.settled, claims),
    learned: taken !== undefined && hasLearned(won),
    chosen: taken
      ? {
          ...{ trial: taken.trial.index, alpha: taken.guess.alpha, offset: taken.guess.offset },
          method: taken.trial.method,
          tested: tested.length,
          new: taken.guess.new,
        }
      : null,
    heldBack: heldBack(
      tried.map(({ guesses }) => guesses),
      taken?.guess,
    ),
    unshown: unshownOf(tested),
    stopped,
    old: parts.proof ? lossOn(lost, taken ? claims : claims.map(unchanged), data, parts.proof) : null,
    new: {
      before: accuracyOf(baseline.check, newLabels),
      after: accuracyOf(onNew, newLabels),
      ...wilson(newLabels.filter((label, row) => onNew[row] === label).length, newLabels.length),
      n: won.total,
      negativeFlips: won.negative,
      positiveFlips: won.positive,
      crossFitted,
      byClass: newByClass({
        ...{ classes: widened.classes, oldClasses, train: data.train, measured: parts.check },
        ...{ before: baseline.check, after: onNew },
      }),
    },
    expansion: await expansionGain(context, tried),
    known: context.before,
    budget: budget.maxDrop,
    trials: tried.map((each) => ({
      method: each.method,
      settings: each.settings,
      curve: curveOf(each.index, tested),
      outlook: outlookOf(each.guesses, context.aim, measured),
    })),
    parameters: taken?.parameters ?? weightsOf(widened),
    path: taken
      ? { start: wholeOf(widened, taken.trial.trained.start), end: wholeOf(widened, taken.trial.trained.end) }
      : { start: weightsOf(widened), end: weightsOf(widened) },
    adapters: taken?.adapters,
    seconds: {
      train: tried.reduce((sum, { seconds }) => sum + seconds.train, 0),
      search: tried.reduce((sum, { seconds }) => sum + seconds.search, (performance.now() - began) / 1000),
    },
  }
}

/** The first candidate that was not shown to be inside the budget, where it was seen there. */
function unshownOf(tested: readonly Tested[]): UpdateResult['unshown'] {
  const failed = tested.find((each) => !passes(each))
  if (!failed || !seenInside(failed)) return null
  const open = failed.claims.filter(({ maxDrop, verdict }) => maxDrop !== null && verdict !== 'pass')
  const needed = open.flatMap(({ neededN }) => (neededN === null ? [] : [neededN]))
  return needed.length < open.length ? null : { new: failed.guess.new, neededN: Math.max(...needed) }
}

const wholeOf = (model: Model, part: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> =>
  new Map([...weightsOf(model), ...part])

/** The old model, where it stays, loses nothing against itself: there is no bound to that. */
const unchanged = (claim: ClaimResult): ClaimResult =>
  claim.name === 'deployed' || claim.name === 'balanced' || claim.name === 'classes'
    ? { ...claim, after: claim.before, drop: 0, lower: 0, upper: 0 }
    : claim

/** What was lost on old rows: the drop that is spoken of, and all that it was held to. */
function lossOn(
  flips: PairedCounts,
  claims: readonly ClaimResult[],
  { traffic, first }: UpdateOptions['data'],
  { above, uses }: ProofRows,
): NonNullable<UpdateResult['old']> {
  const { before, after, drop, lower, upper, neededN } = itemAt(claims, 0, 'claim')
  return {
    before,
    after,
    drop,
    lower,
    upper,
    neededN,
    n: flips.total,
    activations: rowsIn(above?.rows),
    negativeFlips: flips.negative,
    positiveFlips: flips.positive,
    claims,
    weighted: traffic !== undefined,
    first: first?.name ?? null,
    uses: uses ?? null,
  }
}
