import { findHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { itemAt, present } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import type { Context } from './context.ts'
import {
  type Aim,
  type Choice,
  choose,
  choosePoint,
  openBlend,
  type PathPoint,
  pointsAt,
  type Walk,
} from './path/index.ts'
import type { Adapters, Trained } from './recipes/index.ts'
import type { TrialResult, UpdateResult } from './update-types.ts'

/** A trial, and the points of its path. */
export interface Tried {
  readonly index: number
  readonly trained: Trained
  readonly walk: Walk
  readonly result: TrialResult
  readonly seconds: UpdateResult['seconds']
}

/** Without old rows nothing says how far to go; half way is what does best on average (WiSE-FT). */
const ALPHA_UNSEEN = 0.5

/** The choice among the points of trials, and it alone without old rows. */
function choiceOf(
  { parts }: Context,
  trials: readonly (readonly PathPoint[])[],
  aim: Aim,
): Choice | undefined {
  const choice = choose(trials, aim)
  if (!choice || parts.oldCheck) return choice
  const point = trials[0]?.find(({ alpha, offset }) => alpha === ALPHA_UNSEEN && offset === 0)
  return point && { trial: 0, point }
}

/** Points that are read back at most: rounding moves a point a little, and the first or the second is the best. */
const READ_BACK = 8

/**
 * The chosen point as the file gives it back. Where the file rounds weights a point may be worth less than it seemed, its shifted border
 * above all, which ends in rounded biases. Then the next best is looked at, until none that is left seems better than one that was read
 * back.
 */
export async function take(context: Context, tried: readonly Tried[], aim: Aim): Promise<Taken | undefined> {
  let trials = tried.map(({ walk }) => walk.points)
  let best: Taken | undefined
  for (let looks = 0; looks < READ_BACK; looks++) {
    const choice = choiceOf(context, trials, aim)
    if (!choice) return best
    if (best && !isBetter(choice.point, best.choice.point, aim)) return best
    const taken = await takenAt(context, itemAt(tried, choice.trial, 'trial'), choice)
    if (!context.options.stored || !context.parts.oldCheck) return taken
    if (!best || isBetter(taken.choice.point, best.choice.point, aim)) best = taken
    trials = trials.map((points) => points.filter((point) => point !== choice.point))
  }
  return best
}

const isBetter = (point: PathPoint, than: PathPoint, aim: Aim): boolean =>
  choosePoint([than, point], aim) === point

/** A point of a trial's path as weights. */
export interface Taken {
  /** As it is, once its weights were read back. */
  readonly choice: Choice
  readonly chosen: NonNullable<UpdateResult['chosen']>
  readonly parameters: ReadonlyMap<string, Tensor>
  readonly path: UpdateResult['path']
  readonly adapters: Adapters | undefined
}

async function takenAt(
  context: Context,
  trial: Tried,
  { trial: index, point: sought }: Choice,
): Promise<Taken> {
  const { options, oldClasses } = context
  const { engine, widened, stored } = options
  const { alpha, offset } = sought
  const { start, end, adapters } = trial.trained
  const blend = await openBlend(engine, start, end)
  try {
    const weights = withOffset(widened, oldClasses, await blend.at(alpha), offset)
    const parameters = stored ? stored(weights) : weights
    const point = stored ? await pointOf(context, parameters, sought) : sought
    return {
      choice: { trial: index, point },
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

/** A point anew, from its weights as they were read back: the offset is part of them. */
async function pointOf(
  { judge, parts, baseline, claims, oldClasses, options }: Context,
  parameters: ReadonlyMap<string, Tensor>,
  { alpha, offset }: PathPoint,
): Promise<PathPoint> {
  const answers = {
    old: await judge.answers(parts.oldChoose, parameters),
    new: await judge.answers(parts.newChoose, parameters),
  }
  const [point] = pointsAt({
    alpha,
    answers,
    baseline: baseline.choose,
    oldClasses,
    budget: options.budget,
    claims: claims.choose,
    offsets: [0],
  })
  return { ...present(point, 'point'), offset }
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
