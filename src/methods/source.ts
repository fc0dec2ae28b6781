import type { Dataset } from '../data/dataset.ts'
import type { Pool } from '../data/memory/index.ts'
import type { RandomStream } from '../tensor/random.ts'
import type { Json } from './state.ts'

/**
 * One part of every batch: where its rows come from, how many, and the share of the loss they carry (the mean loss of
 * this part is multiplied by `weight`; 0 for rows that are there for a method's own terms).
 */
export interface BatchSource {
  readonly name: string
  readonly dataset: Dataset
  /** The task of all rows, or of each. */
  readonly tasks: number | Int32Array
  readonly size: number
  readonly weight: number
  /** Whether its labels say something. Default true. */
  readonly labelled?: boolean | undefined
  /** Whether its sampler also draws rows of the new data. Default false. */
  readonly mixed?: boolean | undefined
  /** How rows are drawn. Default: shuffled epochs, the last incomplete batch dropped. */
  readonly sampler?: ((context: SamplerContext) => RowSampler) | undefined
  /** Whole numbers that the sampler plans beside the rows, and how many of each a step: slots to write into, say. */
  readonly columns?: Readonly<Record<string, number>> | undefined
}

export interface SamplerContext {
  /** Random streams of this source's own, by name. */
  readonly random: (name: string) => RandomStream
  readonly pool: Pool
  /** Pool row of this source's first row, and of the new data's. */
  readonly offset: number
  readonly newOffset: number
  readonly saved: Json | undefined
}

/** What a sampler plans for some steps, step by step. */
export interface Drawn {
  /** Pool rows, `size` a step. */
  readonly rows: Int32Array
  /** By the names of {@link BatchSource.columns}, each with as many numbers a step as is said there. */
  readonly columns?: ReadonlyMap<string, Int32Array> | undefined
}

/** Plans pool rows for coming steps. */
export interface RowSampler {
  /** For the next `steps` steps. `fresh` are the rows of new data planned for the same steps. */
  next(steps: number, fresh: Int32Array): Drawn
  /** Everything needed to go on exactly here. */
  state(): Json
}
