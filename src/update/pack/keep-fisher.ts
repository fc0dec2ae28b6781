import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { fisherDiagonal } from '../../methods/fisher/index.ts'
import type { Model } from '../../model/model.ts'
import { randomStream } from '../../tensor/random.ts'
import type { Pack } from './pack.ts'

/** Rows that the Fisher is averaged over: a thousand, and fewer where many classes make each dear. */
const fisherRows = (classes: number): number => Math.min(1000, Math.max(100, Math.floor(20_000 / classes)))

/** The training rows that the Fisher of a pack is taken on. */
export const rowsForFisher = (rows: number, classes: number, seed: number): Int32Array =>
  randomStream(seed, 'keep/fisher rows')
    .choose(rows, Math.min(rows, fisherRows(classes)))
    .sort()

/** The Fisher on all rows of a data set. */
export async function fisherOn(
  engine: Engine,
  model: Model,
  dataset: Dataset,
  seed: number,
): Promise<NonNullable<Pack['fisher']>> {
  const { diagonal, samples: rows } = await fisherDiagonal({
    engine,
    model,
    parameters: model.parameters,
    dataset,
    random: randomStream(seed, 'keep/fisher'),
  })
  return { rows, diagonal }
}
