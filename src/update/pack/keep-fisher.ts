import { type Dataset, samples, subset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { fisherDiagonal } from '../../methods/fisher/index.ts'
import type { Model } from '../../model/model.ts'
import { randomStream } from '../../tensor/random.ts'
import type { Pack } from './pack.ts'

/** Rows that the Fisher is averaged over: a thousand, and fewer where many classes make each dear. */
const fisherRows = (classes: number): number => Math.min(1000, Math.max(100, Math.floor(20_000 / classes)))

/** The Fisher of a model on some of its training rows, as the pack stores them. */
export async function fisherOf(
  engine: Engine,
  reader: Model,
  train: Dataset,
  stored: (dataset: Dataset) => Dataset | Promise<Dataset>,
  seed: number,
): Promise<NonNullable<Pack['fisher']>> {
  const count = Math.min(samples(train), fisherRows(reader.classes.length))
  const rows = randomStream(seed, 'keep/fisher rows').choose(samples(train), count).sort()
  return fisherOn(engine, reader, await stored(subset(train, rows)), seed)
}

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
