import { fromBinary } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import { type ModelProto, ModelProtoSchema } from './onnx_pb.ts'
import { WireError, wireFields } from './wire.ts'

/** Wire types of ModelProto's fields: what other files happen to parse as has others. */
const modelFields = new Map<number, number>(
  ModelProtoSchema.fields.map((field) => [
    field.number,
    field.fieldKind === 'scalar' && field.scalar !== 9 ? 0 : 2,
  ]),
)
const MODEL_GRAPH = 7

/** How other kinds of files begin that are often taken for a model. */
const otherFiles: readonly (readonly [start: string, what: string])[] = [
  [
    'version https://git-lfs',
    'a Git LFS pointer: the model itself was not downloaded. Fetch it with "git lfs pull"',
  ],
  ['PK\u0003\u0004', 'a zip archive, as PyTorch and Keras save them. Export the model to ONNX first'],
  ['\u0089HDF', 'an HDF5 file, as Keras saves them. Export the model to ONNX first'],
  ['<', 'a web page or XML. Check what was downloaded'],
  ['{', 'JSON. Give the model.onnx that it stands beside'],
  ['\u001f\u008b', 'compressed with gzip. Decompress it first'],
]

/**
 * The message that an ONNX file holds. Fields that this version of the specification lacks are kept and written back by
 * {@link encodeModel}. Large byte fields are views of `bytes`.
 *
 * @param name What messages call the file.
 * @throws ModelError `model-empty`, `model-not-onnx`, `model-truncated`, `model-no-graph`.
 * @example
 * const model = decodeModel(await readFile('model.onnx'), 'model.onnx')
 */
export function decodeModel(bytes: Uint8Array, name = 'the model'): ModelProto {
  checkOutside(bytes, name)
  let model: ModelProto
  try {
    model = fromBinary(ModelProtoSchema, bytes)
  } catch (cause) {
    throw new ModelError(
      'model-not-onnx',
      `${name}: the file starts as an ONNX model, but cannot be read to the end (${messageOf(cause)}). It is damaged: export or download it again.`,
      { cause },
    )
  }
  return model
}

/** Checks the outermost message, which tells other files, cut files and models apart at no cost. */
function checkOutside(bytes: Uint8Array, name: string): void {
  if (bytes.byteLength === 0)
    throw new ModelError('model-empty', `${name}: the file is empty. Export or download it again.`)
  const seen = new Set<number>()
  try {
    for (const { number, wireType } of wireFields(bytes)) {
      const expected = modelFields.get(number)
      if (expected !== undefined && expected !== wireType) {
        throw new WireError(`field ${number} has wire type ${wireType} instead of ${expected}`, false)
      }
      seen.add(number)
    }
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause
    const other = otherFile(bytes)
    if (other === undefined && cause.truncated && looksLikeModel(bytes)) {
      throw new ModelError(
        'model-truncated',
        `${name}: the file is cut off: ${cause.problem}. Export or download it again.`,
        { cause },
      )
    }
    throw notOnnx(name, other ?? `not protobuf (${cause.problem}). Give the path of an .onnx file`, cause)
  }
  if (seen.has(MODEL_GRAPH)) return
  const other = otherFile(bytes)
  if (other !== undefined || ![...seen].some((number) => modelFields.has(number))) {
    throw notOnnx(name, other ?? 'protobuf, but no ONNX model. Give the path of an .onnx file')
  }
  throw new ModelError(
    'model-no-graph',
    `${name}: it is an ONNX model without a graph, so there is nothing to run. Export it again.`,
  )
}

function notOnnx(name: string, what: string, cause?: unknown): ModelError {
  return new ModelError('model-not-onnx', `${name}: an ONNX model was expected, but the file is ${what}.`, {
    cause,
  })
}

/** Whether the first field is one of a model: models start with their IR version, or with some other field of theirs. */
function looksLikeModel(bytes: Uint8Array): boolean {
  const first = bytes[0] ?? 0
  return modelFields.get(first >> 3) === (first & 7)
}

function otherFile(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 32))
  return otherFiles.find(([prefix]) => start.startsWith(prefix))?.[1]
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
