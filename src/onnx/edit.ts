import { create, toBinary } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import { sameElements } from '../tensor/bytes.ts'
import { sizeOf, type Tensor } from '../tensor/tensor.ts'
import { DataLocation } from './codes.ts'
import { decoded } from './decoded.ts'
import { AttributeProtoSchema, NodeProtoSchema, type TensorProto, TensorProtoSchema } from './onnx_pb.ts'
import { nameOf } from './proto-names.ts'
import { decodeModel } from './read.ts'
import { type ExternalData, tensorFromProto } from './tensor-proto.ts'
import { tensorToProto } from './to-proto.ts'
import { concatenate, fieldHead, totalLength, type WireField, wireFields } from './wire.ts'

const MODEL_GRAPH = 7
const GRAPH_NODE = 1
const GRAPH_INITIALIZER = 5
const NODE_ATTRIBUTE = 5
const ATTRIBUTE_TENSOR = 5
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
 * A model with other values for some of its tensors. Every other byte stays as it was, whatever program wrote the file:
 * only the changed tensors' elements are replaced (by raw data, or strings), their dims and type where these changed,
 * and the lengths of the messages around them. Tensors that come out equal, and so files without changes, keep their
 * bytes.
 *
 * @param changes New tensors by the name of an initialiser; or of a Constant node's output, whose attribute is replaced;
 * or of another node's only output, in whose place the tensor then becomes an initialiser. Dims may differ from the old
 * (a head that grew); graph inputs and outputs are not adapted.
 * @throws ModelError `initializer-missing` when the graph has no such tensor, and what {@link decodeModel} throws.
 * @example
 * const better = editInitializers(bytes, new Map([['fc.weight', weight]]))
 */
export function editInitializers(
  bytes: Uint8Array,
  changes: ReadonlyMap<string, Tensor>,
): Uint8Array<ArrayBuffer> {
  return concatenate(
    replaceTensors(bytes, {
      changes,
      where: 'The model',
      initializer: (original, _message, change) =>
        change === undefined ? undefined : withElements(original, tensorToProto('', change)),
    }),
  )
}

export interface TensorReplacement {
  readonly changes: ReadonlyMap<string, Tensor>
  /** What a message calls the model. */
  readonly where: string
  /**
   * Gives the new encoded TensorProto of an initialiser, in pieces, or undefined to leave it. Elements of the message
   * are views of the model's bytes. `change` is left out where nothing differs.
   */
  readonly initializer: (
    original: Uint8Array,
    message: TensorProto,
    change: Tensor | undefined,
  ) => Uint8Array[] | undefined
  /** The elements of an initialiser that lies in another file, to see whether a change changes anything. */
  readonly externalData?: ExternalData
}

/** A model in pieces, some of its tensors replaced. Pieces that stay are views of `bytes`. */
export function replaceTensors(bytes: Uint8Array, replacement: TensorReplacement): Uint8Array[] {
  const { changes, where, initializer, externalData } = replacement
  // Checks the file, so that the walk below meets no surprises.
  const { graph } = decodeModel(bytes)
  const named = new Set(graph?.initializer.map(({ name = '' }) => name))
  const ofNodes = new Map([...changes].filter(([name]) => !named.has(name)))
  const missing = new Set(ofNodes.keys())
  const added: Uint8Array[] = []
  const node = (original: Uint8Array): Uint8Array[] | undefined => {
    const message = decoded(NodeProtoSchema, original)
    const [output = '', ...others] = message.output
    const change = others.length === 0 ? ofNodes.get(output) : undefined
    if (!change) return undefined
    missing.delete(output)
    if (message.opType === 'Constant') return constantNode(original, change)
    added.push(toBinary(TensorProtoSchema, tensorToProto(output, change)))
    return []
  }
  const chunks = rewrite(bytes, isField(MODEL_GRAPH), (model) => {
    const body = ofNodes.size === 0 ? undefined : rewrite(model, isField(GRAPH_NODE), node)
    const between = body ? concatenate(body) : model
    const inside = rewrite(between, isField(GRAPH_INITIALIZER), (tensor) => {
      const message = decoded(TensorProtoSchema, tensor)
      const change = changes.get(nameOf(message))
      const differs = change !== undefined && !sameTensor(message, change, externalData)
      return initializer(tensor, message, differs ? change : undefined)
    })
    if (!inside && !body) return undefined
    return [
      ...(inside ?? [between]),
      ...added.flatMap((tensor) => [fieldHead(GRAPH_INITIALIZER, tensor.length), tensor]),
    ]
  })
  if (missing.size > 0) {
    const names = [...missing].map((name) => JSON.stringify(name)).join(', ')
    throw new ModelError(
      'initializer-missing',
      `${where} has no initialiser called ${names}, so it cannot be changed.`,
    )
  }
  return chunks ?? [bytes]
}

/** Whether a tensor of the file holds just these elements, in whichever way it stores them. */
function sameTensor(proto: TensorProto, tensor: Tensor, externalData: ExternalData | undefined): boolean {
  if (proto.dataLocation === DataLocation.external && !externalData) return false
  // Elements are taken out of a message that is too large to encode with them.
  if (proto.rawData?.byteLength === 0 && sizeOf(tensor.dims) > 0) return false
  return sameElements(tensorFromProto(proto, externalData), tensor)
}

/** A Constant node with another tensor for its value. */
function constantNode(original: Uint8Array, tensor: Tensor): Uint8Array[] | undefined {
  return rewrite(original, isField(NODE_ATTRIBUTE), (attribute) => {
    if (decoded(AttributeProtoSchema, attribute).name !== 'value') return undefined
    return rewrite(attribute, isField(ATTRIBUTE_TENSOR), (old) =>
      sameTensor(decoded(TensorProtoSchema, old), tensor, undefined)
        ? undefined
        : withElements(old, tensorToProto('', tensor)),
    )
  })
}

export const isField =
  (number: number) =>
  (field: WireField): boolean =>
    field.number === number && field.wireType === LENGTH_DELIMITED

/**
 * Replaces the values of some fields of a message; runs of the others are kept as views. A field whose replacement has
 * no pieces is left out. Undefined if none was replaced.
 */
export function rewrite(
  message: Uint8Array,
  selects: (field: WireField) => boolean,
  replace: (value: Uint8Array) => Uint8Array[] | undefined,
): Uint8Array[] | undefined {
  const chunks: Uint8Array[] = []
  let kept = 0
  let changed = false
  for (const field of wireFields(message)) {
    if (!selects(field)) continue
    const replacement = replace(message.subarray(field.value, field.end))
    if (replacement === undefined) continue
    changed = true
    chunks.push(message.subarray(kept, field.start))
    if (replacement.length > 0) chunks.push(fieldHead(field.number, totalLength(replacement)), ...replacement)
    kept = field.end
  }
  if (!changed) return undefined
  chunks.push(message.subarray(kept))
  return chunks
}

/**
 * An encoded TensorProto with the elements of another. Its name, documentation and unknown fields stay, and the new
 * elements stand where the first of the old ones stood.
 */
export function withElements(original: Uint8Array, elements: TensorProto): Uint8Array[] {
  const old = decoded(TensorProtoSchema, original)
  const sameType = old.dataType === elements.dataType
  const asBefore =
    old.dims.length === elements.dims.length && old.dims.every((dim, axis) => dim === elements.dims[axis])
  const { dims, dataType, rawData, stringData, externalData, dataLocation } = elements
  const encode = (fields: Partial<TensorProto>): Uint8Array =>
    toBinary(TensorProtoSchema, create(TensorProtoSchema, fields as object))
  const data =
    rawData === undefined
      ? [encode({ stringData, externalData, ...(dataLocation === undefined ? {} : { dataLocation }) })]
      : [fieldHead(fieldNumbers.rawData.number, rawData.byteLength), rawData]
  const chunks: Uint8Array[] = []
  if (!asBefore) chunks.push(encode({ dims }))
  if (!sameType && dataType !== undefined) chunks.push(encode({ dataType }))
  let placed = false
  for (const field of wireFields(original)) {
    if (ELEMENTS.has(field.number)) {
      if (!placed) chunks.push(...data)
      placed = true
    } else if ((field.number !== DIMS || asBefore) && (field.number !== DATA_TYPE || sameType)) {
      chunks.push(original.subarray(field.start, field.end))
    }
  }
  if (!placed) chunks.push(...data)
  return chunks
}
