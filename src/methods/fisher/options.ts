import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Model } from '../../model/model.ts'
import type { RandomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/**
 * Whose labels the Fisher is taken over (van de Ven 2025, arXiv 2502.11756), with p = softmax over the active classes:
 * - 'exact': 1/N sum_n sum_c p(c|x_n) (d log p(c|x_n) / d theta)^2
 * - 'sampled': one c a sample, drawn from p
 *   (of texts one a token: see `fisherDiagonal`)
 * - 'true': the data's own label (the "empirical" Fisher)
 * - 'batch': the square of a mini-batch's mean gradient, averaged over batches: what several tools call Fisher, wrong by
 *   orders of magnitude in scale; here to compare with them
 */
export type FisherLabels = 'exact' | 'sampled' | 'true' | 'batch'

export const fisherLabels = ['exact', 'sampled', 'true', 'batch'] as const satisfies readonly FisherLabels[]

/** What the Fisher is where it is not told otherwise. */
export const fisherDefaults = { labels: 'exact', batchSize: 128 } as const

export interface FisherOptions {
  readonly engine: Engine
  readonly model: Model
  readonly parameters: ReadonlyMap<string, Tensor>
  /** Batch-norm statistics, fixed while the Fisher is estimated. Default those of the model. */
  readonly buffers?: ReadonlyMap<string, Tensor> | undefined
  readonly dataset: Dataset
  /** Output units that are classes of this task; default all. The softmax goes over these alone. */
  readonly units?: readonly number[] | undefined
  /** Default 'exact'; of texts 'sampled'. */
  readonly labels?: FisherLabels | undefined
  /** How many samples, drawn without replacement; default all, in their order. */
  readonly samples?: number | undefined
  /** Rows a pass: speed only, but for 'batch', whose result depends on it. Default 128; of texts fewer where their logits are large. */
  readonly batchSize?: number | undefined
  readonly random: RandomStream
}
