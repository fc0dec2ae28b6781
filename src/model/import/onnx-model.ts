import { create, toBinary } from '@bufbuild/protobuf'
import { arePlaceholders, classesFromMetadata, classesToMetadata, numbered } from '../../data/names/index.ts'
import { ModelError } from '../../errors.ts'
import { editInitializers } from '../../onnx/edit.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { graphFromModel, type ModelContents } from '../../onnx/from-proto.ts'
import { type ModelProto, ModelProtoSchema } from '../../onnx/onnx_pb.ts'
import { decodeModel } from '../../onnx/read.ts'
import type { ExternalData } from '../../onnx/tensor-proto.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { mainInput } from '../inputs.ts'
import type { Model } from '../model.ts'
import { type Bindings, boundGraph } from './bind.ts'
import { importedGraph, type Untie } from './imported-graph.ts'
import { findLogits, isOneNumber } from './logits.ts'
import { storableIn, storedChanges } from './stored.ts'
import { copiesAmong, copiesIn, withTies } from './tied.ts'
import { sortInitializers } from './trainable.ts'
import { asTwoClasses } from './two-classes.ts'

export interface FromOnnxOptions {
  /**
   * The value that holds the logits; default the graph's output, or what its last softmax or sigmoid is taken of. One number a
   * row, the logit of two classes, is taken for two where a sigmoid is taken of it or two classes are named: see
   * {@link Model.binary}.
   */
  readonly output?: string | undefined
  /** Labels of the logits; default those of the file's metadata, else '0', '1', …. */
  readonly classes?: readonly string[]
  /** What messages call the file. Default 'the model'. */
  readonly name?: string
  /** Reads tensors that lie in other files, as a loaded model file does. */
  readonly externalData?: ExternalData
  /**
   * What training does with batch normalisation: 'fixed' keeps the running statistics as they are and normalises with
   * them; 'train' takes each batch's own and updates the running ones. Default 'fixed': what a deployed model was tested
   * with does not move.
   */
  readonly batchNorm?: 'fixed' | 'train' | undefined
  /**
   * Which tensors that an exporter let share one initialiser are trained apart; see {@link importedGraph}. With 'all' so are
   * those that lie in the file twice, to the last bit and perhaps transposed. Default 'filled'.
   */
  readonly untie?: Untie | undefined
  /**
   * Values for inputs of the file that data say nothing of, by name: `{ sr: 16000 }`. They are constants of the model's graph then,
   * so that branches and dims that depend on them are known. The inputs of a decoder's cache are bound to an empty one
   * without being named.
   */
  readonly bind?: Bindings | undefined
}

/**
 * A model from an ONNX file: its float initialisers that feed computation become parameters, in float32 whatever the
 * file keeps them in; the running statistics of batch normalisation buffers, where they are to be trained; and the rest
 * (shapes, scalars, bounds, masks, what normalises the input) stays constant.
 *
 * @param source The file's bytes, or its message.
 * @throws UsageError, ModelError what {@link boundGraph} throws.
 * @throws ModelError `model-inputs` when there is none; `model-output` when the logits cannot be told or are not
 * there; and what reading throws.
 * @example
 * const model = modelFromOnnx(bytes)
 */
export function modelFromOnnx(source: Uint8Array | ModelProto, options: FromOnnxOptions = {}): Model {
  const { name = 'the model', externalData } = options
  const proto = source instanceof Uint8Array ? decodeModel(source, name) : source
  const contents = graphFromModel(proto, externalData ? { externalData } : {})
  const { opsets } = contents
  const { graph: imported, bound } = boundGraph(
    importedGraph(contents.graph, options),
    options.bind ?? {},
    name,
  )
  const sorted = sortInitializers(imported, storableIn(proto))
  const { untie = 'filled' } = options
  const search = () => copiesAmong(imported, sorted.parameters)
  // What is written back goes by the copies that are found by default.
  const copies = untie === 'all' ? new Map() : untie === 'none' ? search() : copiesIn(proto, search)
  const graph = withTies(imported, copies)
  const input = mainInput(graph.inputs)
  if (!input) {
    throw new ModelError(
      'model-inputs',
      `${name}: the model has no inputs, so there is nothing to train it on.`,
    )
  }
  const { logits, answer, sigmoid } = findLogits(graph, name, options.output)
  const labels = classesOf({ ...contents, graph }, { logits, sigmoid, name }, options.classes)
  const binary = answer !== undefined && isOneNumber(answer) && (sigmoid || labels.classes.length === 2)
  const both = binary ? asTwoClasses(graph, logits) : { graph, output: logits }
  const { buffers, constants } = sorted
  const made = [...both.graph.initializers].filter(([key]) => !graph.initializers.has(key))
  const fixed = (options.batchNorm ?? 'fixed') === 'fixed'
  return {
    graph: {
      ...both.graph,
      initializers: new Map([...made, ...constants, ...(fixed ? buffers : [])]),
    },
    opsets,
    parameters: new Map([...sorted.parameters].filter(([key]) => !copies.has(key))),
    buffers: fixed ? new Map() : buffers,
    input,
    ...(bound.length > 0 && { bound }),
    output: both.output,
    ...labels,
    ...(binary ? { binary: { logit: logits, answer: answer.name } } : {}),
  }
}

function classesOf(
  { graph, metadata }: ModelContents,
  { logits, sigmoid, name }: { readonly logits: string; readonly sigmoid: boolean; readonly name: string },
  given: readonly string[] | undefined,
): Pick<Model, 'classes' | 'unnamed'> {
  const found = given ?? classesFromMetadata(metadata)
  if (found) return namedClasses(found)
  if (sigmoid) return { classes: numbered(2), unnamed: true }
  // Softmax keeps dims, so the graph's only output says how many there are, whichever of the two the logits are.
  const info = graph.outputs.find((output) => output.name === logits) ?? graph.outputs[0]
  // Maps of images have their classes along the channels.
  const count = info?.dims?.length === 4 ? info.dims[1] : info?.dims?.at(-1)
  if (typeof count !== 'number') return { classes: [] }
  if (count <= MOST_CLASSES) return { classes: numbered(count), unnamed: true }
  throw new ModelError(
    'output-dims',
    `${name}: its output "${info?.name}" is declared with ${count} classes; ${MOST_CLASSES} is the most that is taken. The model is damaged: export it again.`,
  )
}

/** The largest vocabularies have a quarter of this. */
const MOST_CLASSES = 2 ** 20

/** Classes as a model has them: names that programs write for want of any are none. */
export const namedClasses = (classes: readonly string[]): Pick<Model, 'classes' | 'unnamed'> => ({
  classes,
  ...(arePlaceholders(classes) && { unnamed: true }),
})

/**
 * The bytes of an ONNX file of this model: parameters and buffers as initialisers under their names, the batch
 * symbolic, labels in the metadata (`classes`, a JSON list). For a model that came from a file use
 * {@link withParameters}, which leaves everything else of the file as it is.
 *
 * @param options.parameters Instead of the model's own, by name; buffers too.
 * @throws ModelError `parameter-unknown`, `parameter-dims`.
 * @example
 * await writeFile('better.onnx', modelToOnnx(model, { parameters: trained }))
 */
export function modelToOnnx(
  model: Model,
  options: { readonly parameters?: ReadonlyMap<string, Tensor> } = {},
): Uint8Array<ArrayBuffer> {
  const changes = options.parameters ?? new Map<string, Tensor>()
  checkChanges(model, changes)
  const initializers = new Map([
    ...model.graph.initializers,
    ...model.parameters,
    ...model.buffers,
    ...changes,
  ])
  const bytes = encodeGraph({ ...model.graph, initializers }, { opsets: model.opsets })
  const metadata = toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { metadataProps: classesToMetadata(model.unnamed ? [] : model.classes) }),
  )
  // Encoded messages that follow one another are merged by whoever reads them.
  const whole = new Uint8Array(bytes.byteLength + metadata.byteLength)
  whole.set(bytes)
  whole.set(metadata, bytes.byteLength)
  return whole
}

function checkChanges(model: Model, changes: ReadonlyMap<string, Tensor>): void {
  for (const [name, { type, dims }] of changes) {
    const own = model.parameters.get(name) ?? model.buffers.get(name)
    if (!own) {
      throw new ModelError(
        'parameter-unknown',
        `Model "${model.graph.name}" has no parameter called "${name}". It has ${[...model.parameters.keys()].slice(0, 8).join(', ')}${model.parameters.size > 8 ? ', …' : ''}.`,
      )
    }
    if (own.type !== type || own.dims.join() !== dims.join()) {
      throw new ModelError(
        'parameter-dims',
        `Parameter "${name}" of model "${model.graph.name}" is ${own.type}[${own.dims}], but the new values are ${type}[${dims}].`,
      )
    }
  }
}

/**
 * An ONNX file with other values for some parameters and buffers, each in the type that the file keeps it in: every
 * other byte stays as it was, and a parameter that did not change keeps its bytes.
 *
 * @throws ModelError `initializer-missing` when the file has no initialiser of such a name.
 * @example
 * await writeFile('better.onnx', withParameters(await readFile('model.onnx'), trained))
 */
export function withParameters(
  original: Uint8Array,
  parameters: ReadonlyMap<string, Tensor>,
): Uint8Array<ArrayBuffer> {
  return editInitializers(original, storedChanges(decodeModel(original), parameters))
}
