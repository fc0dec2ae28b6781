import { type AugmentSpec, augmentText } from '../data/augment/index.ts'
import { concatenate, type Dataset } from '../data/dataset.ts'
import { augmentedViews } from '../train/augment/index.ts'
import type { Rung } from './recipes/index.ts'
import type { UpdateOptions } from './update-types.ts'

/** Augmented views of a row that is trained on above a cut, beside the row itself: what lies below is run once for each. */
const VIEWS = 2

/** What augmentation makes of a row by itself; mixed rows have two labels, and stay with what trains everything. */
function ownOf({ mixup: _, cutmix: __, ...own }: AugmentSpec = {}): AugmentSpec | undefined {
  return Object.values(own).some((number) => number !== undefined) ? own : undefined
}

const trainsAboveCut = ({ name }: Pick<Rung, 'name'>): boolean => name === 'above'

/** How many rows a rung trains on for each that there is. */
export const viewsOf = ({ augment }: Pick<UpdateOptions, 'augment'>, rung: Pick<Rung, 'name'>): number =>
  trainsAboveCut(rung) && ownOf(augment) ? 1 + VIEWS : 1

/** How a rung augments, as it is told; undefined where it does not. */
export function augmentationTold(
  { augment }: Pick<UpdateOptions, 'augment'>,
  rung: Pick<Rung, 'name' | 'cut'>,
): string | undefined {
  if (!augment || !rung.cut) return augment && augmentText(augment)
  const own = trainsAboveCut(rung) ? ownOf(augment) : undefined
  return own && `${augmentText(own)}, ${VIEWS} views a row`
}

/** Rows with their augmented views behind them, made once for all rungs that train above a cut. */
export type Views = (rung: Rung, dataset: Dataset) => Promise<Dataset>

export function openViews({ engine, augment, seed = 0 }: UpdateOptions): Views {
  const own = ownOf(augment)
  const known = new WeakMap<Dataset, Promise<Dataset>>()
  const made = async (dataset: Dataset, spec: AugmentSpec): Promise<Dataset> =>
    concatenate([dataset, await augmentedViews(engine, dataset, spec, { views: VIEWS, seed })])
  return (rung, dataset) => {
    if (!own || !trainsAboveCut(rung)) return Promise.resolve(dataset)
    const found = known.get(dataset) ?? made(dataset, own)
    known.set(dataset, found)
    return found
  }
}
