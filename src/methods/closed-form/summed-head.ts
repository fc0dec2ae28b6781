import type { FeatureSums } from '../../evaluate/sums.ts'
import type { Head } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { headTensors } from './head-classifier.ts'
import { lda } from './lda.ts'
import { likeliestScale } from './likeliest-scale.ts'
import { ridge } from './ridge.ts'

/** The bias of classes that were never seen: no logit is as low, and as a weight it is no mask. */
export const UNSEEN = -1e8

/**
 * A whole head from sums alone, each class counting as many rows as it has: what joint training of that head on all rows that were summed
 * comes to. Its strength is chosen from the sums, and its logits are scaled to where their softmax is likeliest, so that the same sums give
 * the same head. Classes without rows are answered never, where the head has a bias.
 *
 * @returns The head's weight and bias by name.
 * @throws UsageError `features-constant`.
 */
export async function summedHead(
  model: Model,
  head: Head,
  sums: FeatureSums,
  { kind, strength }: { readonly kind: 'ridge' | 'lda'; readonly strength?: number | undefined },
): Promise<Map<string, Tensor<'float32'>>> {
  const fit = { weighting: 'counts', strength, chooseBy: 'sums' } as const
  const intercept = head.bias !== undefined
  const found = await (kind === 'lda' ? lda(sums, fit) : ridge(sums, { ...fit, intercept }))
  const scale = likeliestScale(sums, found)
  return headTensors(model, head, {
    weights: found.weights.map((weight) => weight * scale),
    biases: found.biases.map((bias, unit) =>
      itemAt(sums.counts, unit, 'class') > 0 ? bias * scale : UNSEEN,
    ),
  })
}
