import { HoldfastError } from '../src/errors.ts'
import { modelFromOnnx, withParameters } from '../src/model/import/index.ts'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { cnn, mlp, transformerEncoder } from '../src/model/layers/index.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { type Graph, graph as graphAttribute, type Node, tensor } from '../src/onnx/graph.ts'
import { type RandomStream, randomStream } from '../src/tensor/random.ts'
import { readSafetensors, writeSafetensors } from '../src/tensor/safetensors.ts'
import { float32, int64 } from '../src/tensor/tensor.ts'
import { inspectModel } from '../src/train/inspect/index.ts'

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

/** The file of that number: the same whenever and wherever it is asked for. */
export const fuzzedModel = (number: number): Uint8Array =>
  mutated(randomStream(number, 'fuzz/model'), seeds[number % seeds.length] ?? new Uint8Array(), seeds)

const tensors = writeSafetensors(new Map([['a', float32([2, 2], [1, 2, 3, 4])]]), { kind: 'seed' })
export const fuzzedTensors = (number: number): Uint8Array =>
  mutated(randomStream(number, 'fuzz/safetensors'), tensors, [tensors])

/** Reads, inspects and rewrites a file. What it ends in: 'read', or the code of an error of ours; others are thrown on. */
export function endingOf(bytes: Uint8Array): string {
  try {
    const model = modelFromOnnx(bytes)
    inspectModel(model, { batch: 2 })
    withParameters(bytes, model.parameters)
    return 'read'
  } catch (problem) {
    if (problem instanceof HoldfastError) return problem.code
    throw problem
  }
}

export function endingOfTensors(bytes: Uint8Array): string {
  try {
    readSafetensors(bytes)
    return 'read'
  } catch (problem) {
    if (problem instanceof HoldfastError) return problem.code
    throw problem
  }
}
