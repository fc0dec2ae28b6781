import { binaryCrossEntropy, crossEntropy, meanSquaredError } from '../model/losses.ts'
import type { Emitter, Value } from '../ops/define.ts'

export interface LossOptions {
  /** Default 'cross-entropy' for class labels, 'mse' for float targets. */
  readonly kind?: 'cross-entropy' | 'binary-cross-entropy' | 'mse'
  /** Cross-entropy only: share of the target spread evenly over the active classes. Default 0. */
  readonly labelSmoothing?: number
}

/** The loss on the labels: a sum over rows with the given weights, which add up to the shares of the batch's parts. */
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
  const kind = options.kind ?? (labels.type === 'int32' ? 'cross-entropy' : 'mse')
  const common = { ...(weights ? { weights } : {}), ...(mask ? { mask } : {}) }
  if (kind === 'mse') return meanSquaredError(emit, logits, labels)
  if (kind === 'binary-cross-entropy') return binaryCrossEntropy(emit, logits, labels, common)
  return crossEntropy(emit, logits, labels, { ...common, labelSmoothing: options.labelSmoothing ?? 0 })
}
