import { concatenate, type Dataset } from '../../data/dataset.ts'
import { convStatistics, withWeights } from '../../evaluate/index.ts'
import { foldedConvs, foldNorms, withNorms } from '../../model/adapters/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { type Trained, type TrialOptions, train } from './trial.ts'

/**
 * Trains once with the batch norms that the export folded into convolutions put behind them again, so that they take each batch's
 * statistics, and folds them back: weights have the model's names. A model without such convolutions is trained as it is.
 *
 * @param exemplars Old rows; the norms begin with the statistics of these and of the new rows.
 */
export async function trainNormed(options: TrialOptions, exemplars: Dataset | undefined): Promise<Trained> {
  const { engine, model, from, task } = options
  if (foldedConvs(model).length === 0) return train(options)
  const begun = withWeights(model, from?.weights ?? new Map())
  const rows = exemplars ? concatenate([task.train, exemplars]) : task.train
  const normed = withNorms(begun, await convStatistics(engine, begun, rows))
  const { start, end, ...trained } = await train({ ...options, model: normed })
  const own = (weights: ReadonlyMap<string, Tensor>) =>
    new Map([...weights].filter(([name]) => model.parameters.has(name) || model.buffers.has(name)))
  return { ...trained, start: own(start), end: own(foldNorms(model, end, end)) }
}
