import { classLabels, type Dataset } from '../../data/dataset.ts'
import { inMemory } from '../../data/spilled-rows.ts'
import type { Engine } from '../../engine/engine.ts'
import { expandFeatures } from '../../evaluate/expand-features.ts'
import { featureSums } from '../../evaluate/feature-sums.ts'
import { addSums, type FeatureSums } from '../../evaluate/sums.ts'
import { closedFormHead, type JudgedRows } from '../../methods/closed-form/index.ts'
import { expansionOf } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import type { Trained } from './trial.ts'

/**
 * How a head is worked out: ridge regression, or linear discriminant analysis, of new rows beside the old ones as they are; or ridge
 * regression of all rows, old ones too.
 */
export const closedForms = ['ridge', 'lda', 'ridge-all'] as const
export type ClosedFormKind = (typeof closedForms)[number]

export interface ClosedFormGround {
  readonly engine: Engine
  /** The head alone, with rows for every class, old ones first: it reads features. */
  readonly model: Model
  readonly oldClasses: number
  /** New rows and old ones as features. */
  readonly train: Dataset
  readonly exemplars: Dataset | undefined
  /** Of old rows, the exemplars among them; default those of the exemplars. */
  readonly sums: FeatureSums | undefined
}

/** What heads are worked out from. The same sums serve every kind, and what is decomposed of them is decomposed once. */
export interface Summed extends Pick<ClosedFormGround, 'model' | 'oldClasses'> {
  readonly fresh: JudgedRows
  readonly exemplars: JudgedRows | undefined
  /** Over old rows and new. */
  readonly sums: FeatureSums
}

/** Sums rows as the head reads them. */
export async function summedRows(options: ClosedFormGround): Promise<Summed> {
  const { engine, model, oldClasses } = options
  const classes = model.classes.length
  const fresh = await rowsOf(options, options.train)
  const exemplars = options.exemplars && (await rowsOf(options, options.exemplars))
  const summed = (rows: JudgedRows) => featureSums({ engine, ...rows, classes })
  const old = options.sums ?? (exemplars && (await summed(exemplars)))
  const own = await summed(fresh)
  return { model, oldClasses, fresh, exemplars, sums: old ? addSums(old, own) : own }
}

/** How a head is worked out of sums, and from which seed what is drawn. */
export interface ClosedFormTrial {
  readonly kind: ClosedFormKind
  readonly seed: number
  readonly signal?: AbortSignal | undefined
}

/**
 * A head from sums: no step of training, and no old row needed. Its old rows stay as they are bit for bit, but for `ridge-all`.
 */
export async function closedFormTrial(
  summed: Summed,
  { kind, ...options }: ClosedFormTrial,
): Promise<Trained> {
  const { model } = summed
  const { parameters } = await closedFormHead({
    ...{ ...summed, ...options },
    kind: kind === 'lda' ? 'lda' : 'ridge',
    old: kind === 'ridge-all' ? 'free' : 'fixed',
  })
  const weights = new Map([...model.parameters, ...model.buffers, ...parameters])
  return { start: weights, end: weights, steps: 0 }
}

/** Rows as the head reads them: features, one vector a row, or random ones made of them. */
async function rowsOf({ engine, model }: ClosedFormGround, dataset: Dataset): Promise<JudgedRows> {
  const { dims, data } = inMemory(dataset.inputs as Tensor<'float32'>)
  const [rows = 0, ...row] = dims
  const features = float32([rows, sizeOf(row)], data)
  const expansion = expansionOf(model)
  return {
    features: expansion ? await expandFeatures(engine, features, expansion.weight) : features,
    labels: classLabels(dataset),
  }
}
