import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { ModelError } from '../errors.ts'
import { spanned } from '../spans.ts'
import { bytesOf } from '../tensor/bytes.ts'
import { type ReadFault, readBytes, regularFile } from '../tensor/reads-files.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { writeAll, writeWhole } from '../tensor/whole-files.ts'
import { DataLocation, TensorCode } from './codes.ts'
import { replaceTensors, withElements } from './edit.ts'
import { PROTOBUF_LIMIT } from './encode.ts'
import { externalDataBeside, placeOf } from './external-data-node.ts'
import { nestedExternalTensors } from './nested.ts'
import { type ModelProto, type TensorProto, TensorProtoSchema } from './onnx_pb.ts'
import { nameOf } from './proto-names.ts'
import { decodeModel } from './read.ts'
import { type ExternalData, tensorFromProto } from './tensor-proto.ts'
import { tensorToProto } from './to-proto.ts'
import { totalLength } from './wire.ts'
import { encodeModel } from './write.ts'

/** Elements in the data file start at multiples of a page, so that runtimes can map them into memory. */
const PAGE = 4096
/** Smaller tensors stay in the model: shapes and scalars are wanted there, and a page each would be a waste. */
const DEFAULT_THRESHOLD = 1024

/** A model file as it was read: its bytes, the message they hold, and the way to tensors in other files. */
export interface ModelFile {
  readonly path: string
  readonly bytes: Uint8Array
  /** External tensors are still marked as such; their elements are read when asked for. */
  readonly model: ModelProto
  /** For `graphFromModel(model, { externalData })`: reads one tensor's bytes from beside the model. */
  readonly externalData: ExternalData
}

/**
 * Reads an ONNX file. Elements in other files are only read when `externalData` is called for them, one at a time.
 *
 * @param options.limit Largest file that is taken for a model, in bytes; default protobuf's 2 GiB.
 * @throws ModelError `model-not-found`, `model-too-large`, and what {@link decodeModel} throws.
 * @example
 * const file = await loadModelFile('model.onnx')
 * const { graph } = graphFromModel(file.model, file)
 */
export async function loadModelFile(
  path: string,
  options: { readonly limit?: number } = {},
): Promise<ModelFile> {
  const limit = options.limit ?? PROTOBUF_LIMIT
  return spanned('read model', () => readModelFile(path, limit), { file: basename(path) })
}

async function readModelFile(path: string, limit: number): Promise<ModelFile> {
  const { size } = await regularFile(path, fault)
  if (size > limit) throw tooLarge(path, size, limit)
  const bytes = new Uint8Array(await readBytes(path, fault))
  return { path, bytes, model: decodeModel(bytes, path), externalData: externalDataBeside(path) }
}

const fault: ReadFault = {
  kind: ModelError,
  code: 'model-not-found',
  way: 'Give the path of an .onnx file.',
}

export interface SaveOptions {
  /** New values for initialisers, by name. */
  readonly changes?: ReadonlyMap<string, Tensor>
  /**
   * Which initialisers go into a file beside the model: `true` for all of 1024 bytes and more, a number for all of at
   * least so many bytes, `false` for none. By default those that the source has there, or, when the model would be too
   * large for protobuf, as `true`.
   */
  readonly externalData?: boolean | number
  /** Largest model file that is written, in bytes; default protobuf's 2 GiB. */
  readonly limit?: number
}

/**
 * Writes a model, and its external data to `<path>_data`, the name that transformers.js looks for. Each file is written
 * beside its place, synced and renamed, data first: a crash leaves a whole file, old or new. Bytes that nothing asked to
 * change are written as they were.
 *
 * @param source A model that was loaded, its bytes, or a message.
 * @throws ModelError `model-too-large` when it would be and external data was ruled out; `initializer-missing` for a
 * change of none; `external-data-nested` when a subgraph's tensor lies in another file.
 * @throws EnvironmentError `write-failed` when the disk does not take it.
 * @example
 * await saveModelFile('better.onnx', await loadModelFile('model.onnx'), { changes: new Map([['fc.weight', weight]]) })
 */
export async function saveModelFile(
  path: string,
  source: ModelFile | ModelProto | Uint8Array,
  options: SaveOptions = {},
): Promise<void> {
  const limit = options.limit ?? PROTOBUF_LIMIT
  const { bytes, changes, externalData } = sourceOf(path, source, options.changes ?? new Map(), limit)
  const layout = new DataLayout(`${basename(path)}_data`)
  const goesOutside = outsideRule(path, bytes, changes, options.externalData, limit)
  const chunks = replaceTensors(bytes, {
    changes,
    where: `${path}: the model`,
    externalData,
    initializer: (original, proto, change) => {
      const wasOutside = proto.dataLocation === DataLocation.external
      const length = change
        ? lengthOf(change)
        : wasOutside
          ? placeOf(proto, path).length
          : (proto.rawData?.byteLength ?? 0)
      const outside = goesOutside(length, wasOutside) && (change?.type ?? 'float32') !== 'string'
      if (!outside && !wasOutside && change === undefined) return undefined
      const read = (): Tensor => change ?? tensorFromProto(proto, externalData)
      if (!outside) return withElements(original, tensorToProto('', read()))
      const place = layout.add(length, () => bytesOf(read()))
      const shape = change ? { dims: change.dims.map(BigInt), dataType: TensorCode[change.type] } : proto
      return withElements(original, externalProto(shape, place))
    },
  })
  if (totalLength(chunks) > limit) throw tooLarge(path, totalLength(chunks), limit)
  if (!layout.empty) await writeWhole(join(dirname(path), layout.location), (file) => layout.write(file))
  await writeWhole(path, async (file) => {
    for (const chunk of chunks) await writeAll(file, chunk)
  })
}

/** The bytes to start from. A message too large to encode is encoded without its elements, which become changes. */
function sourceOf(
  path: string,
  source: ModelFile | ModelProto | Uint8Array,
  changes: ReadonlyMap<string, Tensor>,
  limit: number,
): { bytes: Uint8Array; changes: ReadonlyMap<string, Tensor>; externalData: ExternalData } {
  if (source instanceof Uint8Array) return { bytes: source, changes, externalData: externalDataBeside(path) }
  if (!('$typeName' in source)) return { bytes: source.bytes, changes, externalData: source.externalData }
  const inside = source.graph?.initializer.filter(({ rawData }) => rawData !== undefined) ?? []
  const externalData = externalDataBeside(path)
  const size = totalLength(inside.map(({ rawData }) => rawData ?? new Uint8Array()))
  if (size <= limit || !source.graph) return { bytes: encodeModel(source), changes, externalData }
  const elements = new Map(inside.map((proto) => [nameOf(proto), tensorFromProto(proto)]))
  const initializer = source.graph.initializer.map((proto) =>
    proto.rawData === undefined ? proto : { ...proto, rawData: new Uint8Array() },
  )
  const bytes = encodeModel({ ...source, graph: { ...source.graph, initializer } })
  return { bytes, changes: new Map([...elements, ...changes]), externalData }
}

/** Decides by a tensor's length in bytes, and by whether its elements lay outside before. */
function outsideRule(
  path: string,
  bytes: Uint8Array,
  changes: ReadonlyMap<string, Tensor>,
  wanted: boolean | number | undefined,
  limit: number,
): (length: number, wasOutside: boolean) => boolean {
  const { graph } = decodeModel(bytes, path)
  for (const tensor of graph ? nestedExternalTensors(graph) : []) {
    throw new ModelError(
      'external-data-nested',
      `${path}: tensor ${JSON.stringify(nameOf(tensor))} lies in another file and belongs to a node or subgraph. Only initialisers of the main graph can be moved.`,
    )
  }
  if (wanted === false) return () => false
  if (wanted === true) return (length) => length >= DEFAULT_THRESHOLD
  if (wanted !== undefined) return (length) => length >= wanted
  let size = bytes.byteLength
  for (const change of changes.values()) size += lengthOf(change)
  return size > limit ? (length) => length >= DEFAULT_THRESHOLD : (_, wasOutside) => wasOutside
}

function lengthOf(tensor: Tensor): number {
  return tensor.type === 'string' ? 0 : bytesOf(tensor).byteLength
}

interface Place {
  readonly location: string
  readonly offset: number
  readonly length: number
}

function externalProto(
  { dims, dataType }: Pick<TensorProto, 'dims' | 'dataType'>,
  place: Place,
): TensorProto {
  return create(TensorProtoSchema, {
    dims,
    ...(dataType === undefined ? {} : { dataType }),
    externalData: Object.entries(place).map(([key, value]) => ({ key, value: String(value) })),
    dataLocation: DataLocation.external,
  })
}

/** Where each tensor will lie in the data file. Elements are fetched while writing, one tensor at a time. */
class DataLayout {
  readonly location: string
  private readonly entries: { readonly offset: number; readonly read: () => Uint8Array }[] = []
  private end = 0

  constructor(location: string) {
    this.location = location
  }

  get empty(): boolean {
    return this.entries.length === 0
  }

  add(length: number, read: () => Uint8Array): Place {
    const offset = Math.ceil(this.end / PAGE) * PAGE
    this.entries.push({ offset, read })
    this.end = offset + length
    return { location: this.location, offset, length }
  }

  async write(file: FileHandle): Promise<void> {
    let position = 0
    for (const { offset, read } of this.entries) {
      await writeAll(file, new Uint8Array(offset - position))
      const bytes = read()
      await writeAll(file, bytes)
      position = offset + bytes.byteLength
    }
  }
}

function tooLarge(path: string, size: number, limit: number): ModelError {
  return new ModelError(
    'model-too-large',
    `${path}: the model takes ${size} bytes, but a model file holds at most ${limit}. Keep its parameters in external data.`,
  )
}
