import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { activationsAt, modelAbove } from '../../evaluate/index.ts'
import type { Model } from '../../model/model.ts'
import type { Rung } from './rungs.ts'

/** Rows as the rungs of a ladder read them. What lies below is run once for each row, however many rungs ask. */
export interface Trunk {
  /** The rung whose activations are kept for those above it, and for the old model's answers; undefined where inputs are. */
  readonly base: Rung | undefined
  rowsAt(rung: Rung, dataset: Dataset): Promise<Dataset>
}

/** Whether a rung trains the head alone. */
export const readsFeatures = ({ name }: Rung): boolean => name === 'head' || name === 'closed-form'

/** Where in the graph a rung's rows are taken. */
const placeOf = ({ cut }: Rung): string => JSON.stringify(cut?.values ?? [])

/**
 * Keeps activations at the highest cut below the head that a rung trains above: features are made of them, not of inputs anew.
 *
 * @param model The old model, whose layers below the cuts stay as they are.
 */
export function openTrunk(engine: Engine, model: Model, rungs: readonly Rung[]): Trunk {
  const base =
    rungs.find(({ name }) => name === 'above') ?? rungs.find((rung) => readsFeatures(rung) && rung.cut)
  // The rungs that train the head alone read the same features.
  const kept = new Map<string, WeakMap<Dataset, Promise<Dataset>>>()
  const rowsAt = (rung: Rung, dataset: Dataset): Promise<Dataset> => {
    const place = placeOf(rung)
    const known = kept.get(place) ?? new WeakMap<Dataset, Promise<Dataset>>()
    kept.set(place, known)
    const found = known.get(dataset) ?? made(rung, dataset)
    known.set(dataset, found)
    return found
  }
  const made = async (rung: Rung, dataset: Dataset): Promise<Dataset> => {
    const { cut } = rung
    if (!cut) return dataset
    if (!base?.cut || placeOf(rung) === placeOf(base) || !readsFeatures(rung)) {
      return activationsAt(engine, model, cut, dataset)
    }
    return activationsAt(engine, modelAbove(model, base.cut), cut, await rowsAt(base, dataset))
  }
  return { base, rowsAt }
}
