import type { FeatureSums } from '../../evaluate/sums.ts'
import { randomStream } from '../../tensor/random.ts'
import { calibrate } from './calibrate.ts'
import { balanced, type Classifier } from './classifier.ts'
import { drawLogits, logitMoments } from './moments.ts'

/** Rows of each class that are drawn. */
const DRAWN = 50
/** Below any logit, so that it takes no part in a softmax. */
const NOTHING = -1e9

/**
 * The factor for logits at which their softmax is likeliest, on rows drawn from the Gaussians that the sums describe, each class counting
 * alike: targets of regression are no log-probabilities. The same sums give the same factor.
 *
 * @returns 1 where fewer than two classes have rows.
 */
export function likeliestScale(sums: FeatureSums, { weights, biases }: Classifier): number {
  const { counts, width } = sums
  const known = [...counts.keys()].filter((unit) => counts[unit] !== 0)
  if (known.length < 2) return 1
  const own = {
    weights: Float64Array.from(
      known.flatMap((unit) => [...weights.subarray(unit * width, (unit + 1) * width)]),
    ),
    biases: Float64Array.from(known, (unit) => biases[unit] as number),
  }
  const random = randomStream(0, 'closed form/scale')
  const { logits, labels } = drawLogits(logitMoments(sums, own), known, DRAWN, random)
  const places = labels.map((label) => known.indexOf(label))
  const contest = {
    old: new Float64Array(labels.length).fill(NOTHING),
    fresh: logits,
    labels: places.map((place) => place + 1),
    shares: balanced(places),
  }
  return calibrate(contest, { scale: 1, offset: 0 }, { offset: false }).scale
}
