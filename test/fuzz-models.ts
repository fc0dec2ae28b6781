import { create } from '@bufbuild/protobuf'
import { inputSpec } from '../src/data/images/index.ts'
import { createTokenizer, wordVocabulary } from '../src/data/text/index.ts'
import { HoldfastError } from '../src/errors.ts'
import { modelFromOnnx, withParameters } from '../src/model/import/index.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { cnn, mlp, transformerEncoder } from '../src/model/layers/index.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { type Graph, graph as graphAttribute, type Node, tensor } from '../src/onnx/graph.ts'
import { StringStringEntryProtoSchema, TensorShapeProto_DimensionSchema } from '../src/onnx/onnx_pb.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { encodeModel } from '../src/onnx/write.ts'
import { opTable } from '../src/ops/table.ts'
import { type RandomStream, randomStream } from '../src/tensor/random.ts'
import { readSafetensors, writeSafetensors } from '../src/tensor/safetensors.ts'
import { float32, int64 } from '../src/tensor/tensor.ts'
import { inspectModel } from '../src/train/inspect/index.ts'
import { planFromText } from '../src/train/plan/config-files.ts'

const node = (op: string, inputs: readonly string[], output: string, more: Partial<Node> = {}): Node => ({
  op,
  domain: '',
  name: `/${output}`,
  inputs,
  outputs: [output],
  attributes: {},
  ...more,
})
const info = (name: string, dims: readonly (number | string)[]) => ({ name, type: 'float32' as const, dims })

/** Branches, constants, shapes from shapes, a fixed batch and a sigmoid: what networks of layers do not have. */
function oddGraph(): Graph {
  const branch = (op: string): Graph => ({
    name: op,
    inputs: [],
    outputs: [info('inner', [1, 3])],
    initializers: new Map(),
    nodes: [node(op, ['flat'], 'inner')],
  })
  const constant = (name: string, value: Parameters<typeof tensor>[0]) =>
    node('Constant', [], name, { attributes: { value: tensor(value) } })
  return {
    name: 'odd',
    inputs: [info('x', [1, 3, 1])],
    outputs: [info('p', [1, 1])],
    initializers: new Map([
      ['w', float32([3, 1], [1, 2, 3])],
      ['b', float32([1], [0])],
    ]),
    nodes: [
      constant('shape', int64([2], [1, -1])),
      constant('yes', { type: 'bool', dims: [], data: Uint8Array.of(1) }),
      node('Reshape', ['x', 'shape'], 'flat'),
      node('If', ['yes'], 'chosen', {
        attributes: {
          then_branch: graphAttribute(branch('Relu')),
          else_branch: graphAttribute(branch('Neg')),
        },
      }),
      node('Gemm', ['chosen', 'w', 'b'], 'z'),
      node('Sigmoid', ['z'], 'p'),
    ],
  }
}

/** Valid files of a few kinds. */
export const seeds: readonly Uint8Array[] = [
  modelToOnnx(mlp({ widths: [4, 3, 2], seed: 1 })),
  modelToOnnx(cnn({ channels: [2, 3], inputDims: [1, 8, 8], classes: 2, seed: 1 })),
  modelToOnnx(
    transformerEncoder({
      tokens: 3,
      vocabulary: 5,
      width: 4,
      heads: 2,
      layers: 1,
      feedForward: 4,
      classes: 2,
      seed: 1,
    }),
  ),
  encodeGraph(oddGraph(), { opsets: { '': 17 } }),
]

/** Numbers that lengths, dims and tags become. */
const extremes = [0, 1, 0x7f, 0x80, 0xff]

/** A file with a few changes: bytes set, runs cut out, doubled or taken from another file, the end cut off. */
export function mutated(random: RandomStream, file: Uint8Array, others: readonly Uint8Array[]): Uint8Array {
  let bytes = Array.from(file)
  const below = (limit: number) => Math.floor(random.uniform() * limit)
  for (let change = below(4); change >= 0; change--) {
    const at = below(bytes.length)
    const length = 1 + below(12)
    switch (below(6)) {
      case 0:
      case 1:
        bytes[at] = below(256)
        break
      case 2:
        bytes[at] = extremes[below(extremes.length)] ?? 0
        break
      case 3:
        bytes.splice(at, length)
        break
      case 4: {
        const from = others[below(others.length)] ?? file
        const start = below(from.length)
        bytes.splice(at, below(length), ...from.subarray(start, start + length))
        break
      }
      default:
        bytes = random.uniform() < 0.2 ? bytes.slice(0, at) : bytes.concat(bytes.slice(at, at + length))
    }
  }
  return Uint8Array.from(bytes)
}

/** Ops and names that files may hold: known ones in wrong places, and such as every object of JavaScript has. */
const ops = [...opTable.keys(), 'If', 'Loop', 'Scan', 'toString', '__proto__', 'constructor', '']
/** Sizes and positions that are none, or far too many. */
const odd = [-1n, 0n, 1n, 2n, 3n, 255n, 2n ** 31n, 2n ** 40n, 2n ** 62n, -(2n ** 63n)]

/** A file that still is a model, with a few things in it that fit nothing else. */
export function confused(random: RandomStream, file: Uint8Array): Uint8Array {
  const model = decodeModel(file)
  const { graph } = model
  if (!graph) return file
  const below = (limit: number) => Math.floor(random.uniform() * limit)
  const any = <T>(list: readonly T[]): T | undefined => list[below(list.length)]
  const names = [
    ...graph.node.flatMap(({ input, output }) => [...input, ...output]),
    ...graph.initializer.flatMap(({ name }) => name ?? []),
    'toString',
    '',
  ]
  const number = () => any(odd) ?? 0n
  for (let change = below(3); change >= 0; change--) {
    const node = any(graph.node)
    const initializer = any(graph.initializer)
    const info = any([...graph.input, ...graph.output])
    const attribute = any(node?.attribute ?? [])
    const shape = info?.type?.value.case === 'tensorType' ? info.type.value.value.shape : undefined
    const changes: readonly (() => void)[] = [
      () => node && Object.assign(node, { opType: any(ops) }),
      () => node && Object.assign(node, { domain: any(['', 'com.microsoft', 'own', 'constructor']) }),
      () => node?.input.splice(below(node.input.length), below(2), any(names) ?? ''),
      () => node?.output.splice(below(node.output.length), below(2), any(names) ?? ''),
      () => node?.input.splice(below(node.input.length), 1),
      () => graph.node.splice(below(graph.node.length), 1),
      () => node && graph.node.push(node),
      () => graph.node.reverse(),
      () => attribute && Object.assign(attribute, { i: number(), type: 2 }),
      () => attribute && Object.assign(attribute, { ints: [number(), number()], type: 7 }),
      () =>
        attribute && Object.assign(attribute, { name: any(['axis', 'axes', 'perm', 'pads', '__proto__']) }),
      () => initializer && Object.assign(initializer, { dims: [number(), number()].slice(0, below(3)) }),
      () => initializer && Object.assign(initializer, { dataType: below(30) }),
      () => initializer && Object.assign(initializer, { name: any(names) }),
      () => initializer && Object.assign(initializer, { dataLocation: 1 }),
      () => shape && Object.assign(shape, { dim: shape.dim.map(() => sizeOf(number())) }),
      () =>
        Object.assign(model, { opsetImport: [{ ...model.opsetImport[0], domain: '', version: number() }] }),
      () => model.metadataProps.push(metadata('names', `{${'1'.repeat(below(50))}: '`)),
    ]
    any(changes)?.()
  }
  return encodeModel(model)
}

const sizeOf = (value: bigint) =>
  create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value } })
const metadata = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value })

/** The file of that number: the same whenever and wherever it is asked for. Odd ones are damaged, even ones confused. */
export function fuzzedModel(number: number): Uint8Array {
  const random = randomStream(number, 'fuzz/model')
  const seed = seeds[Math.floor(number / 2) % seeds.length] ?? new Uint8Array()
  return number % 2 === 0 ? confused(random, seed) : mutated(random, seed, seeds)
}

/** Texts that lie beside a model, of each kind. */
const texts = {
  preprocessor: JSON.stringify({
    do_resize: true,
    size: { shortest_edge: 256 },
    crop_size: { height: 224, width: 224 },
    do_center_crop: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
    resample: 3,
    include_top: true,
  }),
  tokenizer: wordVocabulary(['a few words of text', 'and a few more'], { size: 12 }),
  plan: 'data: {source: &a synthetic}\nmodel: {kind: mlp, hidden: [4]}\nstream: {kind: split, scenario: class}\n',
} as const
export type FuzzedText = keyof typeof texts
export const fuzzedTexts = Object.keys(texts) as readonly FuzzedText[]

/** A damaged text of that number. */
export function fuzzedText(kind: FuzzedText, number: number): string {
  const seed = new TextEncoder().encode(texts[kind])
  return new TextDecoder().decode(mutated(randomStream(number, `fuzz/${kind}`), seed, [seed]))
}

const readers: Readonly<Record<FuzzedText, (text: string) => unknown>> = {
  preprocessor: (text) =>
    inputSpec({ type: 'float32', dims: ['N', 3, 224, 224], preprocessorConfig: text, folder: 'model' }),
  tokenizer: (text) => createTokenizer({ tokenizer: text }).encode('a few words', 8),
  plan: (text) => planFromText(text, 'run.yaml'),
}

export const endingOfText = (kind: FuzzedText, text: string): string => ended(() => readers[kind](text))

const tensors = writeSafetensors(new Map([['a', float32([2, 2], [1, 2, 3, 4])]]), { kind: 'seed' })
export const fuzzedTensors = (number: number): Uint8Array =>
  mutated(randomStream(number, 'fuzz/safetensors'), tensors, [tensors])

/** Reads, inspects and rewrites a file. What it ends in: 'read', or the code of an error of ours; others are thrown on. */
export function endingOf(bytes: Uint8Array): string {
  return ended(() => {
    const model = modelFromOnnx(bytes)
    inspectModel(model, { batch: 2 })
    withParameters(bytes, model.parameters)
  })
}

export function endingOfTensors(bytes: Uint8Array): string {
  return ended(() => readSafetensors(bytes))
}

function ended(work: () => unknown): string {
  try {
    work()
    return 'read'
  } catch (problem) {
    if (problem instanceof HoldfastError) return problem.code
    throw problem
  }
}
