import { classLabels, type Dataset } from '../data/dataset.ts'
import type { PairedCounts } from '../measure/paired.ts'
import type { Model } from '../model/model.ts'
import type { Tensor } from '../tensor/tensor.ts'
import {
  type Aim,
  accuracyOf,
  type Budget,
  boundsOf,
  flipsBetween,
  hasLearned,
  heldBack,
  predicted,
  statusOf,
} from './path/index.ts'
import { type Tried, take } from './take.ts'
import type { Context } from './update-context.ts'
import type { UpdateResult } from './update-types.ts'

/** The chosen point, checked on rows that had no part in the choice; or the old model, where there is nothing to gain. */
export async function conclude(context: Context, tried: readonly Tried[], aim: Aim): Promise<UpdateResult> {
  const { judge, parts, baseline, oldClasses, options } = context
  const { budget, widened } = options
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
  const won = flipsBetween(baseline.newCheck, onNew.found, onNew.labels)
  return {
    status: statusOf(choice, lost, budget),
    learned: taken !== undefined && hasLearned(won),
    chosen: taken?.chosen ?? null,
    heldBack: heldBack(
      tried.map(({ walk }) => walk.points),
      choice,
    ),
    old:
      parts.oldCheck && lost.total > 0
        ? lossOn(parts.oldCheck, baseline.check, lost, taken ? budget : undefined)
        : null,
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

/** What was lost on old rows. The old model, where it stays, loses nothing: there is no bound to it. */
function lossOn(
  data: Dataset,
  before: Int32Array,
  flips: PairedCounts,
  budget: Budget | undefined,
): UpdateResult['old'] {
  const labels = classLabels(data)
  const right = accuracyOf(before, labels)
  const { drop, lower, upper } = budget ? boundsOf(flips, budget) : { drop: 0, lower: 0, upper: 0 }
  return {
    before: right,
    after: right - drop,
    drop,
    lower,
    upper,
    n: flips.total,
    negativeFlips: flips.negative,
    positiveFlips: flips.positive,
  }
}
