import { classLabels, type Dataset } from '../../data/dataset.ts'
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

export interface ClosedFormTrial {
  readonly engine: Engine
  /** The head alone, with rows for every class, old ones first: it reads features. */
  readonly model: Model
  readonly oldClasses: number
  /** New rows and old ones as features. */
  readonly train: Dataset
  readonly exemplars: Dataset | undefined
  /** Of old rows, the exemplars among them; default those of the exemplars. */
  readonly sums: FeatureSums | undefined
  readonly kind: ClosedFormKind
  readonly seed: number
  readonly signal?: AbortSignal | undefined
}

/**
 * A head from sums: no step of training, and no old row needed. Its old rows stay as they are bit for bit, but for `ridge-all`.
 */
export async function closedFormTrial(options: ClosedFormTrial): Promise<Trained> {
  const { engine, model, oldClasses, kind, seed, signal } = options
  const classes = model.classes.length
  const fresh = await rowsOf(options, options.train)
  const exemplars = options.exemplars && (await rowsOf(options, options.exemplars))
  const summed = (rows: JudgedRows) => featureSums({ engine, ...rows, classes })
  const old = options.sums ?? (exemplars && (await summed(exemplars)))
  const own = await summed(fresh)
  const { parameters } = await closedFormHead({
    ...{ model, oldClasses, fresh, exemplars, seed, signal },
    kind: kind === 'lda' ? 'lda' : 'ridge',
    old: kind === 'ridge-all' ? 'free' : 'fixed',
    sums: old ? addSums(old, own) : own,
  })
  const weights = new Map([...model.parameters, ...model.buffers, ...parameters])
  return { start: weights, end: weights, steps: 0 }
}

/** Rows as the head reads them: features, one vector a row, or random ones made of them. */
async function rowsOf({ engine, model }: ClosedFormTrial, dataset: Dataset): Promise<JudgedRows> {
  const { dims, data } = dataset.inputs as Tensor<'float32'>
  const [rows = 0, ...row] = dims
  const features = float32([rows, sizeOf(row)], data)
  const expansion = expansionOf(model)
  return {
    features: expansion ? await expandFeatures(engine, features, expansion.weight) : features,
    labels: classLabels(dataset),
  }
}
