import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { layerGroups } from '../../model/adapters/index.ts'
import type { ReadBack } from '../../model/import/index.ts'
import type { Model } from '../../model/model.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { openPath } from './curve-path.ts'

/** What `curve` does where it is not told. */
export const curveDefaults = { points: 11 } as const

/** Which way between two models is looked at, and where. */
export interface PathOptions {
  readonly engine: Engine
  /** Where the path begins. */
  readonly from: Model
  /** Where it ends: the same graph; its head may know more classes behind those of `from`. */
  readonly to: Model
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

/** What becomes of the second model when some of its layers go back to the first. */
export interface CurveGroup<Point> {
  readonly name: string
  /** The parameters that move, by name. */
  readonly parameters: readonly string[]
  /** At alpha 1 it is the second model whole, at 0 these layers are the first's. */
  readonly points: readonly Point[]
}

/** Points along the way between two models. */
export interface Along<Point> {
  readonly points: readonly Point[]
  /** From the input to the head; empty where they were not asked for. */
  readonly groups: readonly CurveGroup<Point>[]
  /** The point that was picked. */
  readonly picked: Point | null
}

/** What is measured of weights of the second model. */
export type MeasurePoint<Point> = (weights: ReadonlyMap<string, Tensor>, alpha: number) => Promise<Point>

/**
 * Measures points along the straight path between the weights of two models.
 *
 * @param open Called once the path is open, gives what measures a point.
 * @throws UsageError `curve-points` for fewer than two; what {@link openPath} throws.
 */
export async function alongPath<Point>(
  options: PathOptions,
  open: () => Promise<MeasurePoint<Point>>,
): Promise<Along<Point>> {
  const { engine, from, to, stored, pick, points: count = curveDefaults.points } = options
  if (!(Number.isInteger(count) && count >= 2)) {
    throw new UsageError('curve-points', `A curve has two points or more, but ${count} were asked for.`)
  }
  const path = await openPath(engine, from, to, stored)
  const alphas = Array.from({ length: count }, (_, at) => at / (count - 1))
  const groups = options.groups ? layerGroups(to) : []
  const of = count * (1 + groups.length)
  let done = 0
  try {
    const measure = await open()
    const along = async (alphaOf: (alpha: number) => number | ((name: string) => number)) => {
      const points: Point[] = []
      for (const alpha of alphas) {
        points.push(await measure(await path.at(alphaOf(alpha)), alpha))
        options.onPoint?.(++done, of)
      }
      return points
    }
    const points = await along((alpha) => alpha)
    const picked = pick === undefined ? null : await measure(await path.at(pick), pick)
    const measured: CurveGroup<Point>[] = []
    for (const { name, parameters } of groups) {
      const moving = new Set(parameters)
      const own = await along((alpha) => (tensor) => (moving.has(tensor) ? alpha : 1))
      measured.push({ name, parameters, points: own })
    }
    return { points, groups: measured, picked }
  } finally {
    await path.dispose()
  }
}
