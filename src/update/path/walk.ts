import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Judge } from '../../evaluate/judge.ts'
import type { ReadBack } from '../../model/import/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { openBlend } from './blend.ts'
import type { Claim } from './claims.ts'
import { choosePoint } from './decide.ts'
import type { Aim, PathPoint } from './points.ts'
import { pointsAt } from './search.ts'

export interface WalkOptions {
  readonly engine: Engine
  readonly judge: Judge
  /** The weights at both ends, by name. */
  readonly start: ReadonlyMap<string, Tensor>
  readonly end: ReadonlyMap<string, Tensor>
  /** Rows that points are judged on. */
  readonly old: Dataset | undefined
  readonly fresh: Dataset
  /** What the old model answered for the old rows. */
  readonly baseline: Int32Array
  /** What the budget is held on; default the drop from `baseline`, every row counting the same. */
  readonly claims?: readonly Claim[] | undefined
  readonly oldClasses: number
  readonly aim: Aim
  /** Weights as the file that they go to gives them back; default as they are. */
  readonly stored?: ReadBack | undefined
  /** Whether the border between old and new classes may be shifted. */
  readonly shift: boolean
  /** Points to look at; 0 and 1 are the ends. Default 0, 0.25, 0.5, 0.75, 1. */
  readonly alphas?: readonly number[]
  /** Whether the neighbours of the best point are looked at, too. Default true. */
  readonly refine?: boolean
  readonly onPoint?: (point: PathPoint) => void
}

export interface Walk {
  /** Every point that was judged. */
  readonly points: readonly PathPoint[]
  /** For each alpha the point that would be chosen there; ascending. */
  readonly curve: readonly PathPoint[]
}

const ALPHAS = [0, 0.25, 0.5, 0.75, 1]
/** How far from the best point its neighbours are. */
const REFINEMENT = 0.125

/** Judges points of the straight way between two sets of weights. */
export async function walkPath(options: WalkOptions): Promise<Walk> {
  const { engine, judge, start, end, aim } = options
  const blend = await openBlend(engine, start, end)
  const points: PathPoint[] = []
  const curve = new Map<number, PathPoint>()
  const look = async (alpha: number): Promise<void> => {
    const between = await blend.at(alpha)
    const weights = options.stored ? options.stored(between) : between
    const found = pointsAt({
      alpha,
      answers: {
        old: await judge.answers(options.old, weights),
        new: await judge.answers(options.fresh, weights),
      },
      baseline: options.baseline,
      oldClasses: options.oldClasses,
      budget: aim.budget,
      claims: options.claims,
      ...(options.shift ? {} : { offsets: [0] }),
    })
    points.push(...found)
    const shown = choosePoint(found, aim)
    if (!shown) return
    curve.set(alpha, shown)
    options.onPoint?.(shown)
  }
  try {
    for (const alpha of options.alphas ?? ALPHAS) await look(alpha)
    const centre = choosePoint(points, aim)?.alpha
    // Without old rows nothing is chosen.
    if ((options.refine ?? true) && options.old && centre !== undefined) {
      for (const alpha of [centre - REFINEMENT, centre + REFINEMENT]) {
        if (alpha > 0 && alpha < 1 && !curve.has(alpha)) await look(alpha)
      }
    }
  } finally {
    await blend.dispose()
  }
  return { points, curve: [...curve.values()].sort((a, b) => a.alpha - b.alpha) }
}
