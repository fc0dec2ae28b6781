import { type Dataset, samples } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { ModelError, UsageError } from '../../errors.ts'
import { type Judge, openJudge } from '../../evaluate/judge.ts'
import { layerGroups } from '../../model/adapters/index.ts'
import { findHead, type Head, widenHead, withOldHead } from '../../model/heads/index.ts'
import type { ReadBack } from '../../model/import/index.ts'
import type { Model } from '../../model/model.ts'
import { sameDims, type Tensor } from '../../tensor/tensor.ts'
import { type Blend, openBlend } from './blend.ts'
import { accuracyOf, flipsBetween, predicted } from './search.ts'

/** What `curve` does where it is not told. */
export const curveDefaults = { points: 11 } as const

export interface CurveOptions {
  readonly engine: Engine
  /** Where the path begins. */
  readonly from: Model
  /** Where it ends: the same graph; its head may know more classes behind those of `from`. */
  readonly to: Model
  /** Labels are units of `to`. */
  readonly old?: Dataset | undefined
  readonly new?: Dataset | undefined
  /** How many points, both ends among them. Default 11. */
  readonly points?: number | undefined
  /** Whether each group of layers is also taken back alone. Default false. */
  readonly groups?: boolean | undefined
  /** Weights as the second model's file gives them back; default as they are. */
  readonly stored?: ReadBack | undefined
  /** A point that is measured beside the others, from 0 to 1. */
  readonly pick?: number | undefined
  readonly onPoint?: (done: number, of: number) => void
}

/** One set of weights on the path. Accuracies and rates are fractions; null where there are no such data. */
export interface CurvePoint {
  /** 0 is the first model, 1 the second. */
  readonly alpha: number
  readonly old: number | null
  readonly new: number | null
  /** How much less of the old data it gets right than the first model; at alpha 0 too, where new classes may take rows. */
  readonly drop: number | null
  /** Old rows that the first model has right and this one wrong, and the reverse. */
  readonly negativeFlips: number | null
  readonly positiveFlips: number | null
  readonly negativeFlipRate: number | null
}

/** What becomes of the second model when some of its layers go back to the first. */
export interface CurveGroup {
  readonly name: string
  /** The parameters that move, by name. */
  readonly parameters: readonly string[]
  /** At alpha 1 it is the second model whole, at 0 these layers are the first's. */
  readonly points: readonly CurvePoint[]
}

/** What {@link curve} found; `holdfast curve --json` prints it. */
export interface CurveResult {
  readonly schema: 'holdfast.curve/1'
  readonly rows: { readonly old: number; readonly new: number }
  readonly points: readonly CurvePoint[]
  /** From the input to the head; empty where they were not asked for. */
  readonly groups: readonly CurveGroup[]
  /** The point that was picked. */
  readonly picked: CurvePoint | null
}

/**
 * Old accuracy against new accuracy along the straight path between the weights of two models, and the flips on old data.
 *
 * @throws ModelError `curve-graphs` when the models are not of one graph, `curve-classes` when the second does not begin with
 * the classes of the first; UsageError `curve-points` for fewer than two.
 * @example
 * const { points } = await curve({ engine, from, to, old, new: fresh })
 */
export async function curve(options: CurveOptions): Promise<CurveResult> {
  const { engine, to, points: count = curveDefaults.points } = options
  if (!(Number.isInteger(count) && count >= 2)) {
    throw new UsageError('curve-points', `A curve has two points or more, but ${count} were asked for.`)
  }
  const path = await openPath(engine, options.from, to, options.stored)
  const judge = openJudge(engine, to, to.classes.length)
  const alphas = Array.from({ length: count }, (_, at) => at / (count - 1))
  const groups = options.groups ? layerGroups(to) : []
  const of = count * (1 + groups.length)
  let done = 0
  try {
    const baseline = await firstAnswers(options)
    const along = async (alphaOf: (alpha: number) => number | ((name: string) => number)) => {
      const points: CurvePoint[] = []
      for (const alpha of alphas) {
        points.push(await pointAt(options, judge, await path.at(alphaOf(alpha)), alpha, baseline))
        options.onPoint?.(++done, of)
      }
      return points
    }
    const points = await along((alpha) => alpha)
    const { pick } = options
    const picked =
      pick === undefined ? null : await pointAt(options, judge, await path.at(pick), pick, baseline)
    const measured: CurveGroup[] = []
    for (const { name, parameters } of groups) {
      const moving = new Set(parameters)
      const own = await along((alpha) => (tensor) => (moving.has(tensor) ? alpha : 1))
      measured.push({ name, parameters, points: own })
    }
    return {
      schema: 'holdfast.curve/1',
      rows: { old: rowsOf(options.old), new: rowsOf(options.new) },
      points,
      groups: measured,
      picked,
    }
  } finally {
    await judge.dispose()
    await path.dispose()
  }
}

const rowsOf = (dataset: Dataset | undefined): number => (dataset ? samples(dataset) : 0)

/**
 * Opens the path between the weights of two models of one graph. Rows of the head that only the second has are the second's at
 * every point.
 *
 * @param stored Weights as the second model's file gives them back: points are then those that it can hold. Default as they are.
 * @throws ModelError `curve-graphs`, `curve-classes`.
 * @example
 * const path = await openPath(engine, before, after)
 * const middle = await path.at(0.5)
 */
export async function openPath(engine: Engine, from: Model, to: Model, stored?: ReadBack): Promise<Blend> {
  const weights = (model: Model) => new Map([...model.parameters, ...model.buffers])
  const end = weights(to)
  const added = addedClasses(from, to)
  const head = findHead(to)
  const wide = added.length > 0 ? widenHead(from, { classes: added }) : from
  const start = weights(wide)
  checkSame(start, end, from, to)
  const blend = await openBlend(
    engine,
    head && added.length > 0 ? withNewHead(head, start, end, from) : start,
    end,
  )
  return stored ? { ...blend, at: async (alpha) => stored(await blend.at(alpha)) } : blend
}

/** `start` with the rows of the head that only `end` has, which are at the same places in both. */
function withNewHead(
  head: Head,
  start: ReadonlyMap<string, Tensor>,
  end: ReadonlyMap<string, Tensor>,
  { classes }: Model,
): ReadonlyMap<string, Tensor> {
  const mixed = withOldHead(head, end, start, classes.length)
  return new Map(
    [...start].map(([name, tensor]) => [
      name,
      name === head.weight || name === head.bias ? (mixed.get(name) ?? tensor) : tensor,
    ]),
  )
}

/**
 * Classes that the second model has behind those of the first.
 *
 * @throws ModelError `curve-classes`.
 */
export function addedClasses(from: Model, to: Model): readonly string[] {
  const odd = from.classes.findIndex((name, unit) => to.classes[unit] !== name)
  if (odd >= 0) {
    throw new ModelError(
      'curve-classes',
      `Class ${odd} is "${from.classes[odd]}" in the first model and "${to.classes[odd] ?? 'none'}" in the second: a path needs the second to have the first's classes, in their order, and may only add some behind them.`,
    )
  }
  return to.classes.slice(from.classes.length)
}

function checkSame(
  start: ReadonlyMap<string, Tensor>,
  end: ReadonlyMap<string, Tensor>,
  from: Model,
  to: Model,
): void {
  const dims = (tensor: Tensor | undefined) => (tensor ? `[${tensor.dims}]` : 'missing')
  const odd = [...new Set([...start.keys(), ...end.keys()])].find((name) => {
    const [a, b] = [start.get(name), end.get(name)]
    return !a || !b || !sameDims(a.dims, b.dims)
  })
  const ops = (model: Model) => model.graph.nodes.map(({ op }) => op).join()
  if (odd === undefined && ops(from) === ops(to)) return
  throw new ModelError(
    'curve-graphs',
    `${odd === undefined ? 'The nodes of the two graphs differ' : `"${odd}" is ${dims(start.get(odd))} in the first model and ${dims(end.get(odd))} in the second`}: between models of different graphs there is no path. Give a model and its update.`,
  )
}

/** What the first model answers for the old data: it cannot take a row for a class that only the second knows. */
async function firstAnswers({ engine, from, old }: CurveOptions): Promise<Int32Array> {
  const judge = openJudge(engine, from, from.classes.length)
  try {
    return predicted(await judge.answers(old), from.classes.length, 0)
  } finally {
    await judge.dispose()
  }
}

async function answersFor(
  judge: Judge,
  data: Dataset | undefined,
  weights: ReadonlyMap<string, Tensor>,
  { classes }: Model,
): Promise<Int32Array> {
  return predicted(await judge.answers(data, weights), classes.length, 0)
}

async function pointAt(
  { old, new: fresh, to }: CurveOptions,
  judge: Judge,
  weights: ReadonlyMap<string, Tensor>,
  alpha: number,
  baseline: Int32Array,
): Promise<CurvePoint> {
  const onOld = old && (await answersFor(judge, old, weights, to))
  const onNew = fresh && (await answersFor(judge, fresh, weights, to))
  const flips = old && onOld && flipsBetween(baseline, onOld, old.labels.data as Int32Array)
  return {
    alpha,
    old: old && onOld ? accuracyOf(onOld, old.labels.data as Int32Array) : null,
    new: fresh && onNew ? accuracyOf(onNew, fresh.labels.data as Int32Array) : null,
    drop: flips ? (flips.negative - flips.positive) / flips.total : null,
    negativeFlips: flips?.negative ?? null,
    positiveFlips: flips?.positive ?? null,
    negativeFlipRate: flips ? flips.negative / flips.total : null,
  }
}
