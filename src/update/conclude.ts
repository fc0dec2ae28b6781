import { classLabels, type Dataset } from '../data/dataset.ts'
import type { PairedCounts } from '../measure/paired.ts'
import { findHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { itemAt } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import {
  type Aim,
  accuracyOf,
  type Budget,
  boundsOf,
  type Choice,
  choose,
  flipsBetween,
  hasLearned,
  heldBack,
  openBlend,
  type PathPoint,
  predicted,
  statusOf,
  type Walk,
} from './path/index.ts'
import type { Adapters, Trained } from './recipes/index.ts'
import type { Context } from './update-context.ts'
import type { TrialResult, UpdateResult } from './update-types.ts'

/** A trial, and the points of its path. */
export interface Tried {
  readonly index: number
  readonly trained: Trained
  readonly walk: Walk
  readonly result: TrialResult
  readonly seconds: UpdateResult['seconds']
}

/** The chosen point, checked on rows that had no part in the choice; or the old model, where there is nothing to gain. */
export async function conclude(context: Context, tried: readonly Tried[], aim: Aim): Promise<UpdateResult> {
  const { judge, parts, baseline, oldClasses, options } = context
  const { budget, widened } = options
  const choice = choiceOf(context, tried, aim)
  const taken = choice && (await takenAt(context, itemAt(tried, choice.trial, 'trial'), choice.point))
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

/** Without old rows nothing says how far to go; half way is what does best on average (WiSE-FT). */
const ALPHA_UNSEEN = 0.5

function choiceOf({ parts }: Context, tried: readonly Tried[], aim: Aim): Choice | undefined {
  const trials = tried.map(({ walk }) => walk.points)
  const choice = choose(trials, aim)
  if (!choice || parts.oldCheck) return choice
  const point = trials[0]?.find(({ alpha, offset }) => alpha === ALPHA_UNSEEN && offset === 0)
  return point && { trial: 0, point }
}

/** A point of a trial's path as weights. */
interface Taken {
  readonly chosen: NonNullable<UpdateResult['chosen']>
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly path: UpdateResult['path']
  readonly adapters: Adapters | undefined
}

async function takenAt({ options, oldClasses }: Context, trial: Tried, point: PathPoint): Promise<Taken> {
  const { engine, widened } = options
  const { alpha, offset } = point
  const { start, end, adapters } = trial.trained
  const blend = await openBlend(engine, start, end)
  try {
    const parameters = withOffset(widened, oldClasses, await blend.at(alpha), offset)
    return {
      chosen: {
        trial: trial.index,
        alpha,
        offset,
        method: trial.result.method,
        old: point.old,
        new: point.new,
      },
      parameters,
      path: trial.trained,
      adapters: adapters && atPoint(adapters, alpha),
    }
  } finally {
    await blend.dispose()
  }
}

/** The updates B A of the point: W + alpha (B A) is W with alpha B for B. */
function atPoint({ lora, parameters }: Adapters, alpha: number): Adapters {
  const scaled = new Map(parameters)
  for (const { b } of lora.adapters) {
    const own = parameters.get(b)
    if (!own) continue
    scaled.set(
      b,
      float32(
        own.dims,
        (own.data as Float32Array).map((value) => value * alpha),
      ),
    )
  }
  return { lora, parameters: scaled }
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
