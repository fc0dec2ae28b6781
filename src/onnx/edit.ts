import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { type TensorProto, TensorProtoSchema } from './onnx_pb.ts'
import { decodeModel } from './read.ts'
import { tensorToProto } from './to-proto.ts'
import { concatenate, fieldHead, totalLength, type WireField, wireFields } from './wire.ts'

const MODEL_GRAPH = 7
const GRAPH_INITIALIZER = 5
const LENGTH_DELIMITED = 2
const fieldNumbers = TensorProtoSchema.field
const DIMS = fieldNumbers.dims.number
const DATA_TYPE = fieldNumbers.dataType.number
/** Every field that says what a tensor's elements are or where they lie. */
const ELEMENTS: ReadonlySet<number> = new Set(
  [
    fieldNumbers.floatData,
    fieldNumbers.int32Data,
    fieldNumbers.stringData,
    fieldNumbers.int64Data,
    fieldNumbers.rawData,
    fieldNumbers.doubleData,
    fieldNumbers.uint64Data,
    fieldNumbers.externalData,
    fieldNumbers.dataLocation,
  ].map(({ number }) => number),
)

/**
 * A model with other values for some of its initialisers. Every other byte stays as it was, whatever program wrote the
 * file: only the changed tensors' elements are replaced (by raw data, or strings), their dims and type where these
 * changed, and the lengths of the messages around them. Without changes the bytes come out equal.
 *
 * @param changes New tensors by initialiser. Dims may differ from the old (a head that grew); graph inputs and outputs
 * are not adapted.
 * @throws ModelError `initializer-missing` when the graph has no initialiser of such a name, and what
 * {@link decodeModel} throws.
 * @example
 * const better = editInitializers(bytes, new Map([['fc.weight', weight]]))
 */
export function editInitializers(
  bytes: Uint8Array,
  changes: ReadonlyMap<string, Tensor>,
): Uint8Array<ArrayBuffer> {
  const missing = new Set(changes.keys())
  const chunks = replaceInitializers(bytes, (name, original) => {
    const tensor = changes.get(name)
    if (tensor === undefined) return undefined
    missing.delete(name)
    return withElements(original, tensorToProto('', tensor))
  })
  if (missing.size > 0) {
    throw new ModelError(
      'initializer-missing',
      `The model has no initialiser called ${[...missing].map((name) => JSON.stringify(name)).join(', ')}, so it cannot be changed.`,
    )
  }
  return concatenate(chunks)
}

/**
 * A model in pieces, some of its initialisers replaced. Pieces that stay are views of `bytes`.
 *
 * @param replace Gives the new encoded TensorProto, in pieces, or undefined to leave it. Elements of the
 * message are views of `bytes`.
 */
export function replaceInitializers(
  bytes: Uint8Array,
  replace: (name: string, original: Uint8Array, message: TensorProto) => Uint8Array[] | undefined,
): Uint8Array[] {
  // Checks the file, so that the walk below meets no surprises.
  decodeModel(bytes)
  const chunks = rewrite(bytes, isField(MODEL_GRAPH), (graph) =>
    rewrite(graph, isField(GRAPH_INITIALIZER), (tensor) => {
      const message = fromBinary(TensorProtoSchema, tensor)
      return replace(message.name ?? '', tensor, message)
    }),
  )
  return chunks ?? [bytes]
}

const isField =
  (number: number) =>
  (field: WireField): boolean =>
    field.number === number && field.wireType === LENGTH_DELIMITED

/** Replaces the values of some fields of a message; runs of the others are kept as views. Undefined if none was. */
function rewrite(
  message: Uint8Array,
  selects: (field: WireField) => boolean,
  replace: (value: Uint8Array) => Uint8Array[] | undefined,
): Uint8Array[] | undefined {
  const chunks: Uint8Array[] = []
  let kept = 0
  for (const field of wireFields(message)) {
    if (!selects(field)) continue
    const replacement = replace(message.subarray(field.value, field.end))
    if (replacement === undefined) continue
    chunks.push(
      message.subarray(kept, field.start),
      fieldHead(field.number, totalLength(replacement)),
      ...replacement,
    )
    kept = field.end
  }
  if (chunks.length === 0) return undefined
  chunks.push(message.subarray(kept))
  return chunks
}

/**
 * An encoded TensorProto with the elements of another. Its name, documentation and unknown fields stay, and the new
 * elements stand where the first of the old ones stood.
 */
export function withElements(original: Uint8Array, elements: TensorProto): Uint8Array[] {
  const old = fromBinary(TensorProtoSchema, original)
  const sameType = old.dataType === elements.dataType
  const sameDims =
    old.dims.length === elements.dims.length && old.dims.every((dim, axis) => dim === elements.dims[axis])
  const { dims, dataType, rawData, stringData, externalData, dataLocation } = elements
  const encode = (fields: Partial<TensorProto>): Uint8Array =>
    toBinary(TensorProtoSchema, create(TensorProtoSchema, fields as object))
  const data =
    rawData === undefined
      ? [encode({ stringData, externalData, ...(dataLocation === undefined ? {} : { dataLocation }) })]
      : [fieldHead(fieldNumbers.rawData.number, rawData.byteLength), rawData]
  const chunks: Uint8Array[] = []
  if (!sameDims) chunks.push(encode({ dims }))
  if (!sameType && dataType !== undefined) chunks.push(encode({ dataType }))
  let placed = false
  for (const field of wireFields(original)) {
    if (ELEMENTS.has(field.number)) {
      if (!placed) chunks.push(...data)
      placed = true
    } else if ((field.number !== DIMS || sameDims) && (field.number !== DATA_TYPE || sameType)) {
      chunks.push(original.subarray(field.start, field.end))
    }
  }
  if (!placed) chunks.push(...data)
  return chunks
}
