import { ModelError } from '../../errors.ts'
import { graphFromModel, nodeFromProto } from '../../onnx/from-proto.ts'
import { inputName } from '../../onnx/graph.ts'
import type { ModelProto, NodeProto, TensorProto } from '../../onnx/onnx_pb.ts'
import { nameOf } from '../../onnx/proto-names.ts'
import { dtypeOf, type ExternalData, tensorFromProto } from '../../onnx/tensor-proto.ts'
import { sameElements } from '../../tensor/bytes.ts'
import { type FloatType, floatsAs, floatsOf, isFloatType } from '../../tensor/convert.ts'
import { type DType, sameDims, type Tensor } from '../../tensor/tensor.ts'
import { importedGraph } from './imported-graph.ts'
import { dequantised, quantisedWeight, requantised } from './quantised.ts'
import { copied, copiesAmong, copiesIn } from './tied.ts'
import { sortInitializers } from './trainable.ts'

/**
 * New values of a model's parameters as its file keeps them: rounded to the file's own float type, or to integers with
 * a scale where a DequantizeLinear node makes the weight. What did not change is left out.
 * Where the file holds a parameter twice ({@link copiesAmong}), both change.
 *
 * @param parameters By the names that `modelFromOnnx` gives them. Tensors of other types than float32 pass as they are.
 * @returns Tensors by name for `editInitializers` and `saveModelFile`.
 * @throws ModelError `initializer-missing` when the file has no such parameter, `tensor-overflow`.
 */
export function storedChanges(
  model: ModelProto,
  parameters: ReadonlyMap<string, Tensor>,
  externalData?: ExternalData,
): Map<string, Tensor> {
  return changesIn(contentsOf(model, externalData), withCopies(model, parameters, externalData))
}

/** Weights as a file gives them back. */
export type ReadBack = (weights: ReadonlyMap<string, Tensor>) => Map<string, Tensor>

/**
 * What a file gives back of weights that are written to it: the values that {@link storedChanges} rounds them to, as `modelFromOnnx` reads
 * them. Kept again, these come out in the same bits.
 *
 * @param names Of the weights that will be written, as `modelFromOnnx` names them.
 * @returns undefined where the file keeps all of them in float32 (or float64), and so as they are.
 * @throws ModelError What {@link storedChanges} throws, once weights are given.
 * @example
 * const { model, file } = await loadModel('model.onnx')
 * const stored = readBackOf(file.model, [...model.parameters.keys()], file.externalData)
 * const weights = stored ? stored(trained) : trained
 */
export function readBackOf(
  model: ModelProto,
  names: readonly string[],
  externalData?: ExternalData,
): ReadBack | undefined {
  const typeOf = storedTypes(model)
  if (names.every((name) => exact.has(typeOf(name) ?? 'float32'))) return undefined
  const file = contentsOf(model, externalData)
  return (weights) => {
    const changes = changesIn(file, weights)
    const now = (name: string): Tensor | undefined => changes.get(name) ?? file.constant(name)
    return new Map(Array.from(weights, ([name, tensor]) => [name, readFrom(name, tensor, now, file)]))
  }
}

/** Types that hold every float32 number. */
const exact: ReadonlySet<DType> = new Set<DType>(['float32', 'float64'])

function readFrom(
  name: string,
  tensor: Tensor,
  now: (name: string) => Tensor | undefined,
  { producer }: Contents,
): Tensor {
  const own = now(name)
  if (own) return asRead(own)
  const proto = producer.get(name)
  if (!proto) return tensor
  const node = nodeFromProto(proto)
  const quantised = node.op === 'DequantizeLinear' ? quantisedWeight(node, now) : undefined
  const shared = now(inputName(node, 0))
  return quantised ? dequantised(quantised) : shared ? asRead(shared) : tensor
}

const asRead = (tensor: Tensor): Tensor =>
  isFloatType(tensor.type) ? floatsOf(tensor as Tensor<FloatType>) : tensor

function changesIn(file: Contents, parameters: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const changes = new Map<string, Tensor>()
  for (const [name, tensor] of parameters) {
    const own = file.constant(name)
    if (own) {
      const now = inType(tensor, own.type, name)
      if (!equalNumbers(own, now)) changes.set(name, now)
      continue
    }
    const node = file.producer.get(name)
    if (!node) {
      throw new ModelError(
        'initializer-missing',
        `The model has no initialiser called ${JSON.stringify(name)}, so it cannot be changed.`,
      )
    }
    for (const [key, value] of changesBehind(node, tensor, name, file)) changes.set(key, value)
  }
  return changes
}

/**
 * In what type a file keeps a parameter: that of its initialiser or Constant node, of the integers that a DequantizeLinear
 * node reads, or of the tensor that an Identity node shares.
 *
 * @param name As `modelFromOnnx` names it.
 * @returns undefined where the file has no such parameter.
 */
export function storedTypes(model: ModelProto): (name: string) => DType | undefined {
  const { type, producer } = contentsOf(model, undefined)
  return (name) => type(name) ?? type(producer.get(name)?.input[0] ?? '')
}

/** Names of the main graph that new values can be written under: a weight inside a function has none. */
export const storableIn = ({ graph }: ModelProto): ReadonlySet<string> =>
  new Set([
    ...(graph?.initializer ?? []).map(({ name = '' }) => name),
    ...(graph?.node ?? []).flatMap(({ output }) => output),
  ])

/** With the copies that the file holds of what changes, unless they are parameters of their own. */
function withCopies(
  model: ModelProto,
  parameters: ReadonlyMap<string, Tensor>,
  externalData: ExternalData | undefined,
): ReadonlyMap<string, Tensor> {
  const copies = copiesIn(model, () => {
    const graph = importedGraph(graphFromModel(model, externalData ? { externalData } : {}).graph)
    return copiesAmong(graph, sortInitializers(graph, storableIn(model)).parameters)
  })
  const following = [...copies].flatMap(([name, copy]): [string, Tensor][] => {
    const original = parameters.get(copy.of)
    return original && !parameters.has(name) ? [[name, copied(original, copy)]] : []
  })
  return new Map([...parameters, ...following])
}

interface Contents {
  /** Element type of the constant of that name: an initialiser, or a Constant node's output. */
  readonly type: (name: string) => DType | undefined
  readonly constant: (name: string) => Tensor | undefined
  readonly producer: ReadonlyMap<string, NodeProto>
}

function contentsOf({ graph }: ModelProto, externalData: ExternalData | undefined): Contents {
  const producer = new Map(graph?.node.flatMap((node) => node.output.map((name) => [name, node] as const)))
  const protos = new Map<string, TensorProto>(graph?.initializer.map((proto) => [nameOf(proto), proto]))
  for (const node of graph?.node ?? []) {
    const value =
      node.opType === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : undefined
    if (value) protos.set(node.output[0] ?? '', value)
  }
  const constant = (name: string): Tensor | undefined => {
    const proto = protos.get(name)
    return proto && tensorFromProto(proto, externalData)
  }
  const type = (name: string): DType | undefined => {
    const proto = protos.get(name)
    return proto && dtypeOf(proto.dataType, `Tensor ${JSON.stringify(name)}`)
  }
  return { type, constant, producer }
}

const inType = (tensor: Tensor, type: DType, name: string): Tensor =>
  tensor.type === 'float32' && isFloatType(type) ? floatsAs(tensor as Tensor<'float32'>, type, name) : tensor

/** A step of nothing may make +0 of -0, which is no change either. */
function equalNumbers(a: Tensor, b: Tensor): boolean {
  if (sameElements(a, b)) return true
  if (!isFloatType(a.type) || a.type !== b.type || !sameDims(a.dims, b.dims)) return false
  const [one, other] = [floatsOf(a as Tensor<FloatType>).data, floatsOf(b as Tensor<FloatType>).data]
  return one.every((value, at) => value === other[at])
}

function changesBehind(
  proto: NodeProto,
  tensor: Tensor,
  name: string,
  { constant }: Contents,
): readonly (readonly [string, Tensor])[] {
  const node = nodeFromProto(proto)
  const [source = '', scaleName = '', zeroName = ''] = node.inputs
  const quantised = node.op === 'DequantizeLinear' ? quantisedWeight(node, constant) : undefined
  if (quantised && tensor.type === 'float32') {
    if (equalNumbers(dequantised(quantised), tensor)) return []
    const { values, scale, zeroPoint } = requantised(tensor as Tensor<'float32'>, quantised)
    return [[source, values], [scaleName, scale], ...(zeroPoint ? [[zeroName, zeroPoint] as const] : [])]
  }
  const shared = constant(source)
  if (!shared) return [[name, tensor]]
  const now = inType(tensor, shared.type, name)
  return equalNumbers(shared, now) ? [] : [[name, now]]
}
