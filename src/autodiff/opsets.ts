import { ModelError } from '../errors.ts'
import { CANONICAL_OPSET } from '../ops/core/index.ts'

/**
 * Versions of the standard operator set that are read: from the one that brought today's broadcasting to the newest that
 * ONNX Runtime 1.30 loads. What a model imports of other sets is not looked at: their few ops have one version each.
 */
const OPSETS = { oldest: 7, newest: 26 } as const

/**
 * The version of the standard operator set that a model's nodes are written in; the canonical one where none is given.
 *
 * @throws ModelError `opset-range` outside {@link OPSETS}.
 */
export function standardOpset(opsets: Readonly<Record<string, number>>): number {
  const opset = opsets[''] ?? CANONICAL_OPSET
  if (opset < OPSETS.oldest || opset > OPSETS.newest) {
    const wayOut =
      opset < OPSETS.oldest
        ? 'Convert it with onnx.version_converter, or export it again.'
        : 'Export it with an older opset_version, or use a newer release of Holdfast.'
    throw new ModelError(
      'opset-range',
      `The model is of ONNX operator set ${opset}; those from ${OPSETS.oldest} to ${OPSETS.newest} are read. ${wayOut}`,
    )
  }
  return opset
}
