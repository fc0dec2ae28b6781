import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'

/**
 * A message within a model, taken out by its place in the bytes: where two of one field follow one another, protobuf reads what
 * each of them alone is not.
 *
 * @throws ModelError `model-damaged`
 */
export function decoded<T extends DescMessage>(schema: T, bytes: Uint8Array): MessageShape<T> {
  try {
    return fromBinary(schema, bytes)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ModelError(
      'model-damaged',
      `The bytes of the model cannot be taken apart: a ${schema.name} in it does not read (${reason}). It is damaged: export or download it again.`,
      { cause },
    )
  }
}
