import { type AugmentSpec, augmentColumns, checkAugment, type ImageForm } from '../../data/augment/index.ts'
import type { Dataset } from '../../data/dataset.ts'

/** What is done to the batches of a task, and to what images. */
export interface Augmentation {
  readonly spec: AugmentSpec
  readonly image: ImageForm
}

/**
 * The augmentation of a data set's rows; undefined where nothing is to be done.
 *
 * @throws UsageError What {@link checkAugment} throws.
 */
export function augmentationOf(spec: AugmentSpec | undefined, dataset: Dataset): Augmentation | undefined {
  if (!spec) return undefined
  const image = augmentColumns(spec).length > 0 ? checkAugment(spec, dataset) : undefined
  return image && { spec, image }
}
