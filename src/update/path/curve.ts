import { type Dataset, samples } from '../../data/dataset.ts'
import { type Judge, openJudge } from '../../evaluate/judge.ts'
import type { Model } from '../../model/model.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type Along, alongPath, type CurveGroup as GroupOf, type PathOptions } from './along-path.ts'
import { accuracyOf, flipsBetween, predicted } from './search.ts'

export interface CurveOptions extends PathOptions {
  /** Labels are units of `to`. */
  readonly old?: Dataset | undefined
  readonly new?: Dataset | undefined
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
export type CurveGroup = GroupOf<CurvePoint>

/** What {@link curve} found; `holdfast curve --json` prints it. */
export interface CurveResult extends Along<CurvePoint> {
  readonly schema: 'holdfast.curve/1'
  readonly rows: { readonly old: number; readonly new: number }
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
  const { engine, to } = options
  const judge = openJudge(engine, to, to.classes.length)
  try {
    const found = await alongPath(options, async () => {
      const baseline = await firstAnswers(options)
      return (weights, alpha) => pointAt(options, judge, weights, alpha, baseline)
    })
    return {
      schema: 'holdfast.curve/1',
      rows: { old: rowsOf(options.old), new: rowsOf(options.new) },
      ...found,
    }
  } finally {
    await judge.dispose()
  }
}

const rowsOf = (dataset: Dataset | undefined): number => (dataset ? samples(dataset) : 0)

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
