import {
  type AugmentColumnName,
  type AugmentPart,
  type AugmentRandom,
  type AugmentSpec,
  drawAugment,
  type ImageForm,
} from '../../data/augment/index.ts'
import type { BatchSource } from '../../methods/method.ts'
import { randomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/**
 * What is augmented of a batch: rows that are learned from by their labels, new and replayed. Rows without labels stay as they
 * are, beside stored answers for them. Rows are mixed within parts that carry a share of the loss; the terms of a method on
 * others know of one label only.
 */
export const augmentParts = (sources: readonly BatchSource[]): AugmentPart[] =>
  sources.map(({ size, weight, labelled = true }) => ({
    size,
    augmented: labelled,
    mixed: labelled && weight > 0,
  }))

export interface StepDraws {
  readonly spec: AugmentSpec
  readonly image: ImageForm
  readonly sources: readonly BatchSource[]
  readonly seed: number
  readonly task: number
  /** The first step, and how many. */
  readonly from: number
  readonly count: number
}

/**
 * What is done to the rows of some steps. Each step has random streams of its own, told by seed, task and step, so that
 * nothing of it has to be kept to go on, and how steps are cut into calls changes nothing.
 */
export function stepDraws(given: StepDraws): ReadonlyMap<AugmentColumnName, Tensor> {
  const { spec, image, sources, seed, task, from, count } = given
  const streams =
    (step: number): AugmentRandom =>
    (purpose) =>
      randomStream(seed, `augment/${task}/${step}/${purpose}`)
  const batches = Array.from({ length: count }, (_, at) => streams(from + at))
  return drawAugment({ spec, image, parts: augmentParts(sources), batches })
}
