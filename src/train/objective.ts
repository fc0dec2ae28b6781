import { UsageError } from '../errors.ts'
import { binaryCrossEntropy, crossEntropy, meanSquaredError } from '../model/losses.ts'
import type { Emitter, Value } from '../ops/define.ts'

export interface LossOptions {
  /** Default 'cross-entropy' for class labels, 'mse' for float targets. */
  readonly kind?: 'cross-entropy' | 'binary-cross-entropy' | 'mse'
  /** Cross-entropy only: share of the target spread evenly over the active classes. Default 0. */
  readonly labelSmoothing?: number
}

/** Which loss is meant: the one asked for, else what the labels call for. */
export const lossKind = (
  options: LossOptions,
  labels: { readonly type: string },
): NonNullable<LossOptions['kind']> => options.kind ?? (labels.type === 'int32' ? 'cross-entropy' : 'mse')

/**
 * The loss on the labels: a mean over rows with the given weights, which make up the shares of the batch's parts.
 *
 * @throws UsageError `loss-labels` for class labels where the loss needs targets, or the other way round.
 */
export function taskLoss(
  emit: Emitter,
  given: {
    readonly logits: Value
    readonly labels: Value
    readonly mask: Value | undefined
    /** [rows, 1]; undefined where all rows count the same. */
    readonly weights: Value | undefined
    readonly options: LossOptions
  },
): Value {
  const { logits, labels, mask, weights, options } = given
  const kind = lossKind(options, labels)
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
  return crossEntropy(emit, logits, labels, { ...common, labelSmoothing: options.labelSmoothing ?? 0 })
}
