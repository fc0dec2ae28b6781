import { UsageError } from '../../errors.ts'
import { appendNodes, type NodesBehind } from '../../onnx/append-nodes.ts'
import { inputName, type Node, outputName, type ValueInfo } from '../../onnx/graph.ts'
import type { ModelProto } from '../../onnx/onnx_pb.ts'
import { namesRead } from '../../onnx/walk.ts'
import { required } from '../../required.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { isUpdateName, layersOfFile, rankDim, storedTypes, zeroUpdate } from '../import/index.ts'
import type { Model } from '../model.ts'
import type { LoraModel } from './lora.ts'
import { withUpdate } from './lora-graph.ts'
import { type Adapter, packedPlaces, placesOf } from './lora-places.ts'

/**
 * Whether the inputs need not be fed, as they have defaults, or have to be: the bindings of ONNX Runtime for JavaScript pass no values
 * for inputs with a default.
 */
export const adapterInputForms = ['optional', 'required'] as const
type AdapterInputForm = (typeof adapterInputForms)[number]

/** A file whose updates are inputs, and the values that were trained for these. */
export interface WithAdapterInputs {
  readonly bytes: Uint8Array
  /** No update, of rank 1: with these the model is as it was. What is not fed is this, where the inputs are optional. */
  readonly zeros: ReadonlyMap<string, Tensor>
  /** By the names of the inputs: A [rank, in, …] and B [out, rank, …], B times alpha / rank. */
  readonly adapter: ReadonlyMap<string, Tensor>
}

/**
 * Whether all that these updates train can be fed beside a file that stays as it is. To be asked before training.
 *
 * @throws UsageError `adapter-inputs-whole` where a weight trains in full, `adapter-inputs-statistics` where running statistics move,
 * `adapter-inputs-tied` for a weight that something else reads, too, `adapter-inputs-type` for a layer that computes in another type
 * than float32, `adapter-inputs-place` for one in a branch or loop, or that the file computes otherwise than by one node.
 */
export function checkAdapterInputs(lora: LoraModel, base: Model, file: ModelProto): void {
  const [whole] = lora.whole
  if (whole) {
    throw new UsageError(
      'adapter-inputs-whole',
      `"${whole.name}" trains in full beside the updates, and is no input: the file would not be the same for all. Leave the head as it is (lora: {head: false}).`,
    )
  }
  const [statistic] = lora.model.buffers.keys()
  if (statistic !== undefined) {
    throw new UsageError(
      'adapter-inputs-statistics',
      `"${statistic}" is a running statistic that training moves, and no input. Keep them as they are (--batchnorm fixed).`,
    )
  }
  const nodes = layersOfFile(file).nodes
  for (const adapter of lora.adapters) placesIn(nodes, adapter, base, file)
}

/**
 * A model's file with its updates as inputs: x W + (x A^T) B^T with A and B as graph inputs, which have zeros of rank 1 for defaults
 * where they are optional, so that one file serves everybody, each with a rank of their own. Everything else of the file stays as it is. A bias that is added behind
 * a product is added before the update, so that a runtime works them out together as it did.
 *
 * @param trained Parameters of {@link LoraModel.model}.
 * @throws What {@link checkAdapterInputs} throws.
 */
export function withAdapterInputs(
  bytes: Uint8Array,
  file: ModelProto,
  base: Model,
  lora: LoraModel,
  trained: ReadonlyMap<string, Tensor>,
  form: AdapterInputForm,
): WithAdapterInputs {
  checkAdapterInputs(lora, base, file)
  const nodes = layersOfFile(file).nodes
  const scale = lora.alpha / lora.rank
  const changes = new Map<string, NodesBehind>()
  const inputs: ValueInfo[] = []
  const zeros = new Map<string, Tensor>()
  const values = new Map<string, Tensor>()
  for (const adapter of lora.adapters) {
    for (const { node, target } of placesIn(nodes, adapter, base, file)) {
      const [own, ...behind] = withUpdate({ ...node, outputs: [target] }, adapter, true)
      if (own) changes.set(target, { renamed: outputName(own, 0), nodes: behind })
    }
    for (const [name, isB] of [
      [adapter.a, false],
      [adapter.b, true],
    ] as const) {
      const tensor = required(trained, name, 'trained update') as Tensor<'float32'>
      values.set(
        name,
        isB
          ? float32(
              tensor.dims,
              tensor.data.map((value) => scale * value),
            )
          : tensor,
      )
      const info: ValueInfo = {
        ...{ name, type: 'float32' },
        dims: tensor.dims.map((dim, axis) => (axis === (isB ? 1 : 0) ? rankDim : dim)),
      }
      inputs.push(info)
      zeros.set(name, zeroUpdate(info))
    }
  }
  const defaults = form === 'optional' ? zeros : new Map<string, Tensor>()
  return { bytes: appendNodes(bytes, changes, defaults, inputs), zeros, adapter: values }
}

interface FilePlace {
  /** What works with the weight. */
  readonly node: Node
  /** Behind which value the update is added: that of the node, or of the bias behind it. */
  readonly target: string
}

function placesIn(nodes: readonly Node[], adapter: Adapter, base: Model, file: ModelProto): FilePlace[] {
  const { weight, packed } = adapter
  const place = required(packed ? packedPlaces(base) : placesOf(base), weight, 'layer of')
  if (place.readElsewhere) {
    throw new UsageError(
      'adapter-inputs-tied',
      `"${weight}" is read in more than one place, as an embedding that is the head, too: an update beside one of them is not the whole. Leave it out of the targets (lora: {targets: …}), or write the merged model.`,
    )
  }
  return place.nodes.map((node) => {
    const own = nodes.find((each) => outputName(each, 0) === outputName(node, 0))
    if (!own || own.op !== node.op || inputName(own, 0) !== inputName(node, 0)) {
      throw new UsageError(
        'adapter-inputs-place',
        `The layer of "${weight}" lies in a branch or loop of the file, or is made of several nodes there: no update can be put beside it. Give the export without branches (decoder_model.onnx rather than decoder_model_merged.onnx), or write the merged model.`,
      )
    }
    checkType(own, adapter, file)
    return { node: own, target: behindBias(nodes, own, file) }
  })
}

function checkType(node: Node, { weight, packed }: Adapter, file: ModelProto): void {
  // A layer of few bits computes in the type of its scales.
  const type = storedTypes(file)(packed ? inputName(node, 2) : weight)
  if (type === 'float32') return
  throw new UsageError(
    'adapter-inputs-type',
    `The layer of "${weight}" ${type === undefined ? 'does not say in which type it computes' : `computes in ${type}`}, and inputs for updates are float32. Give an export in float32, or with weights of few bits and scales in float32.`,
  )
}

/** Where a sum with one vector is all that reads the node, that sum. */
function behindBias(nodes: readonly Node[], node: Node, file: ModelProto): string {
  const output = outputName(node, 0)
  const readers = nodes.filter((each) => namesRead(each).includes(output))
  const [reader] = readers
  const isVector = (name: string): boolean =>
    file.graph?.initializer.some((tensor) => tensor.name === name && tensor.dims.length === 1) ?? false
  const adds =
    reader?.op === 'Add' &&
    reader.inputs.some((name) => name !== output && isVector(name)) &&
    readers.length === 1
  const handedOut = file.graph?.output.some(({ name }) => name === output)
  return reader && adds && !handedOut ? outputName(reader, 0) : output
}

/**
 * A model with the values of a caller's adapter in place of the defaults.
 *
 * @param adapter By the names of the inputs, as {@link WithAdapterInputs} has it.
 * @throws UsageError `adapter-names` where it names what is no update of the model, `adapter-dims` where dims do not fit.
 * @example
 * const mine = withAdapter(model, readSafetensors(bytes).tensors)
 */
export function withAdapter(model: Model, adapter: ReadonlyMap<string, Tensor>): Model {
  const fed = (model.bound ?? []).flatMap(({ info, role }) => (role === 'update' ? [info.name] : []))
  const own = [...[...model.parameters.keys()].filter(isUpdateName), ...fed]
  const strange = [...adapter.keys()].find((name) => !own.includes(name))
  const missing = own.find((name) => !adapter.has(name))
  if (own.length === 0 || strange !== undefined || missing !== undefined) {
    throw new UsageError(
      'adapter-names',
      own.length === 0
        ? 'The model has no inputs for updates: holdfast learn writes some with --adapter-inputs.'
        : `The adapter ${strange === undefined ? `has nothing for "${missing}"` : `names "${strange}"`}, and the model's inputs for updates are ${own.slice(0, 4).join(', ')}${own.length > 4 ? ', …' : ''}. Is it that of another model?`,
    )
  }
  const { parameters, graph } = model
  for (const [name, tensor] of adapter) {
    checkDims(name, tensor, parameters.get(name) ?? required(graph.initializers, name, 'update'))
  }
  const replaced = (tensors: ReadonlyMap<string, Tensor>) =>
    new Map([...tensors].map(([name, tensor]) => [name, adapter.get(name) ?? tensor]))
  return {
    ...model,
    parameters: replaced(parameters),
    graph: { ...graph, initializers: replaced(graph.initializers) },
  }
}

function checkDims(name: string, { type, dims }: Tensor, { dims: known }: Tensor): void {
  const rankAxis = /\/lora_A_*$/.test(name) ? 0 : 1
  const fits =
    dims.length === known.length && dims.every((dim, axis) => axis === rankAxis || dim === known[axis])
  if (type === 'float32' && fits) return
  const expected = known.map((dim, axis) => (axis === rankAxis ? 'rank' : dim))
  throw new UsageError(
    'adapter-dims',
    `"${name}" is ${type} [${dims.join(', ')}] in the adapter, and float32 [${expected.join(', ')}] is expected.`,
  )
}
