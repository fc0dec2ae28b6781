import { UsageError } from '../errors.ts'
import { findHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import {
  type Aim,
  accuracyOf,
  type Choice,
  choose,
  dropOf,
  flipsBetween,
  gaining,
  nearestPoint,
  openBlend,
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

/** The best trial's point, checked on rows that had no part in the choice. */
export async function conclude(context: Context, tried: readonly Tried[], aim: Aim): Promise<UpdateResult> {
  const { options, judge, parts, baseline, oldClasses } = context
  const { engine, widened, budget } = options
  const chosen = choiceOf(context, tried, aim)
  const winner = tried[chosen?.trial ?? 0]
  if (!winner)
    throw new UsageError('update-trials', 'An update takes one trial or more, but none was asked for.')
  const { points } = winner.walk
  const point = chosen?.point ?? nearestPoint(gaining(points, aim)) ?? nearestPoint(points)
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
  const oldBefore = accuracyOf(baseline.check, onOld.labels)
  return {
    status: statusOf(chosen, flips, budget),
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
      before: accuracyOf(baseline.newCheck, onNew.labels),
      after: accuracyOf(predicted(onNew, oldClasses, 0), onNew.labels),
      n: onNew.labels.length,
    },
    budget: budget.maxDrop,
    trials: tried.map(({ result }) => result),
    parameters,
    path: winner.trained,
    ...(winner.trained.adapters ? { adapters: atPoint(winner.trained.adapters, alpha) } : {}),
    seconds: {
      train: tried.reduce((sum, { seconds }) => sum + seconds.train, 0),
      search: tried.reduce((sum, { seconds }) => sum + seconds.search, 0),
    },
  }
}

/** Without old rows nothing says how far to go; half way is what does best on average (WiSE-FT). */
const ALPHA_UNSEEN = 0.5

function choiceOf({ parts }: Context, tried: readonly Tried[], aim: Aim): Choice | undefined {
  if (parts.oldCheck) {
    return choose(
      tried.map(({ walk }) => walk.points),
      aim,
    )
  }
  const point = tried[0]?.walk.points.find(({ alpha, offset }) => alpha === ALPHA_UNSEEN && offset === 0)
  return point && { trial: 0, point }
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
