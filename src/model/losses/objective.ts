import { type Dataset, type DatasetKind, kindOf } from '../../data/dataset.ts'
import { UsageError } from '../../errors.ts'
import type { Emitter, Value } from '../../ops/core/index.ts'
import { crossEntropy, positionCrossEntropy } from './cross-entropy.ts'
import { binaryCrossEntropy, meanSquaredError } from './element-losses.ts'

export interface LossOptions {
  /** Default 'cross-entropy' for classes of rows or tokens, 'binary-cross-entropy' for several labels a row, 'mse' for numbers. */
  readonly kind?: 'cross-entropy' | 'binary-cross-entropy' | 'mse'
  /** Cross-entropy only: share of the target spread evenly over the active classes. Default 0. */
  readonly labelSmoothing?: number
  /**
   * What a task is scored by, as a fraction. Default 'accuracy': the share of rows, tokens or single labels that are right, and R^2 for
   * numbers. 'subset' (several labels): the share of rows of which all labels are right. 'macro-f1' (any classes): the mean F1.
   */
  readonly score?: 'accuracy' | 'subset' | 'macro-f1'
}

const usualLoss = {
  classification: 'cross-entropy',
  'token-classification': 'cross-entropy',
  'multi-label': 'binary-cross-entropy',
  regression: 'mse',
} as const satisfies Record<DatasetKind, LossOptions['kind']>

/** Which loss is meant: the one asked for, else what the labels call for. */
export const lossKind = (
  options: LossOptions,
  dataset: Pick<Dataset, 'kind' | 'labels'>,
): NonNullable<LossOptions['kind']> => options.kind ?? usualLoss[kindOf(dataset)]

/**
 * The loss on the labels: a mean over rows with the given weights, which make up the shares of the batch's parts. Labels of tokens, int32
 * [rows, T] beside logits [rows, T, C], count where they are not below 0.
 *
 * @throws UsageError `loss-labels` for class labels where the loss needs targets, or the other way round.
 */
export function taskLoss(
  emit: Emitter,
  given: {
    readonly logits: Value
    readonly labels: Value
    readonly kind: NonNullable<LossOptions['kind']>
    readonly mask: Value | undefined
    /** [rows, 1]; undefined where all rows count the same. */
    readonly weights: Value | undefined
    readonly labelSmoothing?: number | undefined
  },
): Value {
  const { logits, labels, kind, mask, weights, labelSmoothing = 0 } = given
  const common = { ...(weights ? { weights } : {}), ...(mask ? { mask } : {}) }
  if ((kind === 'cross-entropy') !== (labels.type === 'int32')) {
    const [needed, found] =
      kind === 'cross-entropy'
        ? ['class labels, int32 [N]', `targets, ${labels.type}`]
        : ['targets, float32 [N, K]', `class labels, ${labels.type}`]
    throw new UsageError('loss-labels', `The loss "${kind}" needs ${needed}, but the data have ${found}.`)
  }
  if (kind === 'mse') return meanSquaredError(emit, logits, labels, weights ? { weights } : {})
  if (kind === 'binary-cross-entropy') return binaryCrossEntropy(emit, logits, labels, common)
  const options = { ...common, labelSmoothing }
  return labels.dims.length === 1
    ? crossEntropy(emit, logits, labels, options)
    : positionCrossEntropy(emit, logits, labels, options)
}
