import { classLabels, type Dataset } from '../data/dataset.ts'
import type { PairedCounts } from '../measure/paired.ts'
import type { Model } from '../model/model.ts'
import { itemAt } from '../required.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Context } from './context.ts'
import {
  type Aim,
  accuracyOf,
  type ClaimResult,
  flipsBetween,
  hasLearned,
  heldBack,
  judgeClaims,
  predicted,
  statusOf,
} from './path/index.ts'
import { type Tried, take } from './take.ts'
import type { UpdateOptions, UpdateResult } from './update-types.ts'

/** The chosen point, checked on rows that had no part in the choice; or the old model, where there is nothing to gain. */
export async function conclude(context: Context, tried: readonly Tried[], aim: Aim): Promise<UpdateResult> {
  const { judge, parts, baseline, oldClasses, options } = context
  const { budget, widened, data } = options
  const taken = await take(context, tried, aim)
  const choice = taken?.choice
  // The offset is part of the weights by now.
  const answered = async (data: Dataset | undefined) => {
    const answers = await judge.answers(data, taken?.parameters)
    return { found: predicted(answers, oldClasses, 0), labels: answers.labels }
  }
  const onOld = taken ? await answered(parts.oldCheck) : asBefore(parts.oldCheck, baseline.check)
  const onNew = taken ? await answered(parts.newCheck) : asBefore(parts.newCheck, baseline.newCheck)
  const lost = flipsBetween(baseline.check, onOld.found, onOld.labels)
  const claims = judgeClaims(context.claims.check, onOld.found, onOld.labels, budget.confidence)
  const won = flipsBetween(baseline.newCheck, onNew.found, onNew.labels)
  return {
    status: statusOf(choice, claims),
    learned: taken !== undefined && hasLearned(won),
    chosen: taken?.chosen ?? null,
    heldBack: heldBack(
      tried.map(({ walk }) => walk.points),
      choice,
    ),
    old: parts.oldCheck && lost.total > 0 ? lossOn(lost, taken ? claims : claims.map(unchanged), data) : null,
    new: {
      before: accuracyOf(baseline.newCheck, onNew.labels),
      after: accuracyOf(onNew.found, onNew.labels),
      n: won.total,
      negativeFlips: won.negative,
      positiveFlips: won.positive,
    },
    known: context.before,
    budget: budget.maxDrop,
    trials: tried.map(({ result }) => result),
    parameters: taken?.parameters ?? weightsOf(widened),
    path: taken?.path ?? { start: weightsOf(widened), end: weightsOf(widened) },
    adapters: taken?.adapters,
    seconds: {
      train: tried.reduce((sum, { seconds }) => sum + seconds.train, 0),
      search: tried.reduce((sum, { seconds }) => sum + seconds.search, 0),
    },
  }
}

const weightsOf = ({ parameters, buffers }: Model): ReadonlyMap<string, Tensor> =>
  new Map([...parameters, ...buffers])

const asBefore = (data: Dataset | undefined, found: Int32Array) => ({
  found,
  labels: data ? classLabels(data) : new Int32Array(),
})

/** The old model, where it stays, loses nothing against itself: there is no bound to that. */
const unchanged = (claim: ClaimResult): ClaimResult =>
  claim.name === 'deployed' || claim.name === 'balanced'
    ? { ...claim, after: claim.before, drop: 0, lower: 0, upper: 0 }
    : claim

/** What was lost on old rows: the drop that is spoken of, and all that it was held to. */
function lossOn(
  flips: PairedCounts,
  claims: readonly ClaimResult[],
  { traffic, first, uses }: UpdateOptions['data'],
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
    negativeFlips: flips.negative,
    positiveFlips: flips.positive,
    claims,
    weighted: traffic !== undefined,
    first: first?.name ?? null,
    uses: uses ?? null,
  }
}
