import { create } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { createDataset, type Dataset } from '../src/data/dataset.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { headCut, modelAbove } from '../src/evaluate/cuts/index.ts'
import { expandFeatures } from '../src/evaluate/expand-features.ts'
import { featureSums } from '../src/evaluate/feature-sums.ts'
import { bodyHash, featureDataset, featureVectors } from '../src/evaluate/features.ts'
import { openReader } from '../src/evaluate/reader.ts'
import { closedFormHead } from '../src/methods/closed-form/index.ts'
import {
  EXPANSION,
  expandHead,
  expansionOf,
  findHead,
  widenHead,
  withHeadOf,
} from '../src/model/heads/index.ts'
import { modelFromOnnx, modelToOnnx, withParameters } from '../src/model/import/onnx-model.ts'
import { mlp } from '../src/model/layers/networks.ts'
import type { Model } from '../src/model/model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { graphFromModel } from '../src/onnx/from-proto.ts'
import type { Attributes, Graph, Node } from '../src/onnx/graph.ts'
import { ModelProtoSchema } from '../src/onnx/onnx_pb.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { encodeModel } from '../src/onnx/write.ts'
import { required } from '../src/required.ts'
import { floatsAs } from '../src/tensor/convert.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'

const engine = ortNode({ threads: 1 })
const ROWS = 20

const normal = (dims: readonly number[], name: string): Tensor<'float32'> => {
  const tensor = float32(dims)
  randomStream(1, name).fillNormal(tensor.data)
  return tensor
}
const rows: Dataset = createDataset({
  name: 'rows',
  inputs: normal([ROWS, 3], 'rows'),
  labels: { type: 'int32', dims: [ROWS], data: Int32Array.from({ length: ROWS }, (_, row) => row % 2) },
  classes: ['0', '1'],
})

const node = (op: string, inputs: readonly string[], output: string, attributes: Attributes = {}): Node => ({
  ...{ op, domain: '', name: '', inputs, attributes },
  outputs: [output],
})
const head = {
  'a Gemm by rows': [node('Gemm', ['f', 'w', 'b'], 'y', { transB: 1 })],
  'a MatMul and an Add': [
    node('Transpose', ['w'], 't'),
    node('MatMul', ['f', 't'], 'p'),
    node('Add', ['p', 'b'], 'y'),
  ],
  'a Gemm before a softmax': [node('Gemm', ['f', 'w', 'b'], 'z', { transB: 1 }), node('Softmax', ['z'], 'y')],
} satisfies Record<string, readonly Node[]>

/** A layer of four features, bent or not, and a head of two classes. */
function file(nodes: readonly Node[], bend: 'Relu' | 'Tanh' = 'Relu'): Uint8Array {
  const graph: Graph = {
    name: 'g',
    inputs: [{ name: 'x', type: 'float32', dims: ['N', 3] }],
    outputs: [{ name: 'y', type: 'float32', dims: ['N', 2] }],
    initializers: new Map<string, Tensor>([
      ['v', normal([3, 4], 'v')],
      ['w', normal([2, 4], 'w')],
      ['b', float32([2], [0.5, -1])],
    ]),
    nodes: [node('MatMul', ['x', 'v'], 'h'), node(bend, ['h'], 'f'), ...nodes],
  }
  return encodeGraph(graph)
}

const inFile = (bytes: Uint8Array, model: Model): Uint8Array =>
  withParameters(withHeadOf(bytes, model), model.parameters)

/** What the file's own output says, run as it is. */
async function answers(bytes: Uint8Array, inputs: Tensor = rows.inputs): Promise<number[]> {
  const executable = await engine.load(bytes)
  try {
    const results = await executable.run(new Map([['x', inputs]]))
    return Array.from(required(results, 'y', 'output').data as Float32Array)
  } finally {
    await executable.dispose()
  }
}

const near = (values: readonly number[], digits = 4) => values.map((value) => expect.closeTo(value, digits))

describe.each(Object.entries(head))('random features before %s', (_, nodes) => {
  it.each(['Relu', 'Tanh'] as const)('change no answer, in the file either, behind a %s', async (bend) => {
    const bytes = file(nodes, bend)
    const expanded = expandHead(modelFromOnnx(bytes), { width: 10 })
    expect(expansionOf(expanded)?.weight.dims).toEqual([4, bend === 'Relu' ? 14 : 18])
    const written = inFile(bytes, expanded)
    expect(await answers(written)).toEqual(near(await answers(bytes)))
    const { graph } = graphFromModel(decodeModel(written))
    expect(graph.nodes.map(({ op }) => op).filter((op) => op !== 'Relu' && op !== 'Tanh')).toEqual([
      ...['MatMul', ...nodes.map(({ op }) => op)].flatMap((op, at) =>
        at === 1 + nodes.findIndex(({ inputs }) => inputs[0] === 'f') ? ['MatMul', op] : [op],
      ),
    ])
  })

  it('are known again in the file, and are no parameter', async () => {
    const bytes = file(nodes)
    const model = modelFromOnnx(bytes)
    const expanded = expandHead(model, { width: 10, seed: 3 })
    const again = modelFromOnnx(inFile(bytes, expanded))
    expect(again.parameters).toEqual(expanded.parameters)
    expect(expansionOf(again)).toEqual(expansionOf(expanded))
    expect(bodyHash(again)).toBe(bodyHash(model))
    expect(() => expandHead(again, { width: 5 })).toThrow(expect.objectContaining({ code: 'head-expanded' }))
  })
})

describe('a model with random features before its head', () => {
  const bytes = file(head['a Gemm by rows'])
  const model = modelFromOnnx(bytes)
  const expanded = expandHead(model, { width: 30 })

  it('has the features that it had, from which the head reads the others', async () => {
    const features = await featureVectors(engine, expanded, rows)
    expect(features).toEqual(await featureVectors(engine, model, rows))
    const { weight } = required(new Map([['', expansionOf(expanded)]]), '', 'expansion') as {
      weight: Tensor<'float32'>
    }
    const read = await expandFeatures(engine, features, weight)
    const byHand = [...features.data.subarray(0, 4)]
    for (const column of [0, 3, 4, 33]) {
      const sum = byHand.reduce((all, value, at) => all + value * (weight.data[at * 34 + column] ?? 0), 0)
      expect(read.data[column]).toBeCloseTo(Math.max(0, sum), 5)
    }
    const alone = modelAbove(expanded, headCut(expanded))
    expect(alone.input.dims).toEqual(['batch', 4])
    const reader = openReader(engine, alone, 2)
    const whole = openReader(engine, model, 2)
    const got = await reader.logits(await featureDataset(engine, expanded, rows))
    expect([...got.data]).toEqual(near([...(await whole.logits(rows)).data]))
    await reader.dispose()
    await whole.dispose()
  })

  it('begins with the features of a narrower one, by seed', () => {
    const columns = (wide: Model, count: number) => {
      const { dims, data } = expansionOf(wide)?.weight ?? float32([0, 0])
      return [0, 1, 2, 3].map((row) => [...data.subarray(row * (dims[1] ?? 0), row * (dims[1] ?? 0) + count)])
    }
    expect(columns(expanded, 14)).toEqual(columns(expandHead(model, { width: 10 }), 14))
    expect(columns(expanded, 14)).not.toEqual(columns(expandHead(model, { width: 10, seed: 1 }), 14))
  })

  it('learns a class that no line parts from the others, from sums, as a plain file', async () => {
    // Class 2 lies between rows of class 0: no border straight in the features has it alone on one side.
    const flat = mlp({ widths: [2, 2, 2], classes: ['0', '1'] })
    const random = randomStream(5, 'rings')
    const count = 300
    const inputs = float32([count, 2])
    const labels = Int32Array.from({ length: count }, (_, row) => row % 3)
    for (const [row, label] of labels.entries()) {
      const place = [row % 6 < 3 ? 0.2 : 2, 3.5, 1.1][label] ?? 0
      inputs.data.set([place + 0.15 * random.normal(), 1 + 0.15 * random.normal()], 2 * row)
    }
    // Both features are read as they are; the first layer is the identity behind a Relu.
    const [first = '', zero = ''] = [...flat.parameters.keys()]
    const given = {
      ...flat,
      parameters: new Map([...flat.parameters, [first, float32([2, 2], [1, 0, 0, 1])], [zero, float32([2])]]),
    }
    const right = async (wide: Model) => {
      const widened = widenHead(wide, { classes: ['2'] })
      const features = inputs
      const weight = expansionOf(wide)?.weight
      const read = weight ? await expandFeatures(engine, features, weight) : features
      const sums = await featureSums({
        engine,
        features,
        labels,
        classes: 3,
        ...(weight ? { expansion: weight } : {}),
      })
      const all = { features: read, labels }
      const { parameters } = await closedFormHead({
        model: widened,
        oldClasses: 2,
        sums,
        fresh: all,
        exemplars: all,
        kind: 'ridge',
        old: 'free',
      })
      const bytes = withParameters(
        withHeadOf(modelToOnnx(given), widened),
        new Map([...widened.parameters, ...parameters]),
      )
      const reader = openReader(engine, modelFromOnnx(bytes), 3)
      const data = createDataset({
        name: 'rings',
        inputs,
        labels: { type: 'int32', dims: [count], data: labels },
        classes: ['0', '1', '2'],
      })
      const found = await reader.predictions(data).finally(() => reader.dispose())
      return labels.filter((label, row) => found[row] === label).length / count
    }
    expect(await right(given)).toBeLessThan(0.85)
    expect(await right(expandHead(given, { width: 100 }))).toBeGreaterThan(0.93)
  })

  it('keeps the float type of a file that computes in 16 bits', async () => {
    const { graph } = graphFromModel(decodeModel(bytes))
    const half = encodeGraph({
      ...graph,
      inputs: graph.inputs.map((info) => ({ ...info, type: 'float16' as const })),
      outputs: graph.outputs.map((info) => ({ ...info, type: 'float16' as const })),
      initializers: new Map(
        [...graph.initializers].map(([name, tensor]) => [
          name,
          floatsAs(tensor as Tensor<'float32'>, 'float16', name),
        ]),
      ),
    })
    const inputs = floatsAs(rows.inputs as Tensor<'float32'>, 'float16', 'x')
    const written = inFile(half, expandHead(modelFromOnnx(half), { width: 10 }))
    expect(decodeModel(written).graph?.initializer.find(({ name }) => name === EXPANSION)?.dataType).toBe(10)
    const [was, is] = [await answers(half, inputs), await answers(written, inputs)]
    expect(is.length).toBe(2 * ROWS)
    // As bits: 1/1024 of the size or so apart.
    expect(Math.max(...is.map((bits, at) => Math.abs(bits - (was[at] ?? 0))))).toBeLessThan(8)
  })

  it('runs in a file of an IR version that lists initialisers among the inputs', async () => {
    const old = encodeModel(create(ModelProtoSchema, { ...decodeModel(bytes), irVersion: 3n }))
    expect(await answers(inFile(old, expanded))).toEqual(near(await answers(bytes)))
  })

  it('is refused of no features, and of a convolution', () => {
    expect(() => expandHead(model, { width: 0 })).toThrow(expect.objectContaining({ code: 'head-width' }))
    const graph: Graph = {
      name: 'g',
      inputs: [{ name: 'x', type: 'float32', dims: ['N', 3, 2, 2] }],
      outputs: [{ name: 'y', type: 'float32', dims: ['N', 2] }],
      initializers: new Map([['w', normal([2, 3, 1, 1], 'w')]]),
      nodes: [
        node('Conv', ['x', 'w'], 'c'),
        node('GlobalAveragePool', ['c'], 'g'),
        node('Flatten', ['g'], 'y'),
      ],
    }
    const convolution = modelFromOnnx(encodeGraph(graph))
    expect(findHead(convolution)?.op).toBe('Conv')
    expect(() => expandHead(convolution, { width: 5 })).toThrow(
      expect.objectContaining({ code: 'head-expand' }),
    )
  })
})
