import { describe, expect, test } from 'vitest'
import { createDataset, type Dataset } from '../../data/dataset.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { modelFromOnnx } from '../../model/import/index.ts'
import type { Model } from '../../model/model.ts'
import { TensorCode } from '../../onnx/codes.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import {
  type Graph,
  graph as graphAttribute,
  type Node,
  plainNode as node,
  type ValueInfo,
} from '../../onnx/graph.ts'
import { itemAt } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, int64, type Tensor } from '../../tensor/tensor.ts'
import { bodyHash } from '../features.ts'
import { openReader } from '../reader.ts'
import { activationsAt, cutsOf, headCut, modelAbove } from './index.ts'

const engine = ortNode()
const random = randomStream(1, 'cuts')
const classes = ['a', 'b', 'c']

const drawn = (...dims: number[]): Tensor<'float32'> => {
  const tensor = float32(dims)
  random.fillNormal(tensor.data)
  return tensor
}
const linear = (from: string, name: string, to: string): Node =>
  node('Gemm', [from, `${name}.weight`, `${name}.bias`], to, { transB: 1 })
const weights = (name: string, width: number, from: number) => ({
  [`${name}.weight`]: drawn(width, from),
  [`${name}.bias`]: drawn(width),
})

interface Parts {
  readonly inputs: readonly [ValueInfo, ...ValueInfo[]]
  readonly nodes: readonly Node[]
  readonly parameters: Readonly<Record<string, Tensor>>
  readonly constants?: Readonly<Record<string, Tensor>>
  readonly opset?: number
}

const modelOf = ({ inputs, nodes, parameters, constants = {}, opset = 17 }: Parts): Model => ({
  graph: {
    name: 'test',
    inputs,
    outputs: [{ name: 'logits', type: 'float32', dims: ['batch', 3] }],
    initializers: new Map(Object.entries(constants)),
    nodes,
  },
  opsets: { '': opset },
  parameters: new Map(Object.entries(parameters)),
  buffers: new Map(),
  input: inputs[0],
  output: 'logits',
  classes,
})

const floats = (...dims: (number | string)[]): ValueInfo => ({ name: 'x', type: 'float32', dims })
const ids = (name: string): ValueInfo => ({ name, type: 'int64', dims: ['batch', 'positions'] })

/** Three layers on vectors of 5, with what is between them to be put in. */
const layers = {
  ...weights('one', 8, 5),
  ...weights('two', 6, 8),
  ...weights('head', 3, 6),
}

function rows(inputs: Tensor): Dataset {
  const count = itemAt(inputs.dims, 0, 'dim')
  const labels = { type: 'int32' as const, dims: [count], data: new Int32Array(count) }
  return createDataset({
    name: 'rows',
    inputs,
    labels,
    classes,
    preprocessing: { scale: 1, mean: 0, std: 1, pad: 0 },
  })
}

async function logitsOf(model: Model, dataset: Dataset): Promise<Tensor<'float32'>> {
  const reader = openReader(engine, model, model.classes.length)
  return await reader.logits(dataset).finally(() => reader.dispose())
}

const farthest = (a: Tensor, b: Tensor): number =>
  Math.max(...Array.from(a.data as Float32Array, (value, at) => Math.abs(value - Number(b.data[at]))))

/** Names of the values of each cut, each having been held to the whole model's answers. */
async function heldCuts(model: Model, inputs: Tensor): Promise<string[]> {
  const data = rows(inputs)
  const whole = await logitsOf(model, data)
  const cuts = cutsOf(model, inputs.dims.slice(1))
  for (const cut of cuts) {
    const activations = await activationsAt(engine, model, cut, data)
    const found = await logitsOf(modelAbove(model, cut), activations)
    expect(found.dims, cut.values.join()).toEqual(whole.dims)
    expect(farthest(found, whole), cut.values.join()).toBeLessThan(1e-5)
  }
  return cuts.map(({ values }) => values.join(' + '))
}

describe('places where a model can be taken apart', () => {
  const plain = [
    linear('x', 'one', 'h1'),
    node('Relu', ['h1'], 'r1'),
    linear('r1', 'two', 'h2'),
    node('Relu', ['h2'], 'r2'),
    linear('r2', 'head', 'logits'),
  ]

  test('lie between layers, and say what is above and below', () => {
    const cuts = cutsOf(modelOf({ inputs: [floats('batch', 5)], nodes: plain, parameters: layers }), [5])
    expect(cuts.map(({ values, dims, floats: count }) => ({ values, dims, count }))).toEqual([
      { values: ['r1'], dims: [[8]], count: 8 },
      { values: ['r2'], dims: [[6]], count: 6 },
    ])
    expect(cuts[0]?.below).toEqual({ parameters: ['one.weight', 'one.bias'], elements: 48, work: 40 + 4 })
    expect(cuts[1]?.above).toEqual({ parameters: ['head.weight', 'head.bias'], elements: 21, work: 18 })
  })

  test('are none where a residual passes by, where a weight is tied, or where the model is not known', () => {
    const passed = [...plain.slice(0, 4), node('Add', ['r2', 'early'], 'sum')]
    const skip = modelOf({
      inputs: [floats('batch', 5)],
      nodes: [
        ...passed.slice(0, 2),
        linear('r1', 'skip', 'early'),
        ...passed.slice(2),
        linear('sum', 'head', 'logits'),
      ],
      parameters: { ...layers, ...weights('skip', 6, 8) },
    })
    expect(cutsOf(skip, [5]).map(({ values }) => values[0])).toEqual(['r1', 'sum'])
    const tied = modelOf({
      inputs: [floats('batch', 5)],
      nodes: [
        linear('x', 'one', 'h1'),
        node('MatMul', ['h1', 'square'], 'h2'),
        node('Relu', ['h2'], 'r2'),
        node('MatMul', ['r2', 'square'], 'h3'),
        linear('h3', 'head', 'logits'),
      ],
      parameters: { ...weights('one', 6, 5), square: drawn(6, 6), ...weights('head', 3, 6) },
    })
    expect(cutsOf(tied, [5]).map(({ values }) => values[0])).toEqual(['h1', 'h3'])
    const unknown = modelOf({
      inputs: [floats('batch', 5)],
      nodes: plain.with(1, node('Foo', ['h1'], 'r1')),
      parameters: layers,
    })
    expect(cutsOf(unknown, [5])).toEqual([])
    expect(cutsOf(modelOf({ inputs: [floats('batch', 5)], nodes: plain, parameters: layers }), [7])).toEqual(
      [],
    )
  })

  test('leave a Dropout above, where training drops', async () => {
    const nodes = [...plain.slice(0, 4), node('Dropout', ['r2'], 'd2'), linear('d2', 'head', 'logits')]
    const model = modelOf({ inputs: [floats('batch', 5)], nodes, parameters: layers })
    expect(await heldCuts(model, drawn(7, 5))).toEqual(['r1', 'r2'])
    expect(headCut(model).values).toEqual(['d2'])
  })

  test('are found where the file fixes the batch, or holds it in constants', async () => {
    const fixed = (batch: number, declared: number | string) =>
      modelOf({
        inputs: [floats(declared, 5)],
        nodes: [
          node('Reshape', ['x', 'flat'], 'rows'),
          linear('rows', 'one', 'h1'),
          node('Relu', ['h1'], 'r1'),
          node('Reshape', ['r1', 'pairs'], 'p1'),
          node('Reshape', ['p1', 'wide'], 'w1'),
          ...plain.slice(2),
        ].map((each) => (each.name === 'h2' ? linear('w1', 'two', 'h2') : each)),
        parameters: layers,
        constants: {
          flat: int64([2], [batch, 5]),
          pairs: int64([3], [batch, 2, 4]),
          wide: int64([2], [batch, 8]),
        },
      })
    for (const model of [fixed(4, 4), fixed(1, 1), fixed(1, 'batch')]) {
      expect(await heldCuts(model, drawn(10, 5))).toEqual(['w1', 'r2'])
    }
  })

  test('are found behind dims that are read from the input', async () => {
    const shaped = [
      ...plain.slice(0, 2),
      node('Shape', ['x'], 'dims'),
      node('Gather', ['dims', 'zero'], 'count'),
      node('Unsqueeze', ['count', 'axis'], 'counts'),
      node('Concat', ['counts', 'rest'], 'to'),
      linear('r1', 'two', 'h2'),
      node('Reshape', ['h2', 'to'], 'r2'),
      linear('r2', 'head', 'logits'),
    ].map((each) => (each.op === 'Concat' ? { ...each, attributes: { axis: 0 } } : each))
    const constants = { zero: int64([], [0]), axis: int64([1], [0]), rest: int64([1], [-1]) }
    const model = modelOf({ inputs: [floats('batch', 5)], nodes: shaped, parameters: layers, constants })
    // The reshape moves nothing: the value behind it is the one before.
    expect(await heldCuts(model, drawn(10, 5))).toEqual(['r1', 'h2'])
  })

  test('are found where one number stands for two classes', async () => {
    const graph: Graph = {
      name: 'binary',
      inputs: [floats('batch', 5)],
      outputs: [{ name: 'probability', type: 'float32', dims: ['batch', 1] }],
      initializers: new Map(
        Object.entries({ ...weights('one', 8, 5), ...weights('two', 6, 8), ...weights('head', 1, 6) }),
      ),
      nodes: [...plain.slice(0, 4), linear('r2', 'head', 'logit'), node('Sigmoid', ['logit'], 'probability')],
    }
    const model = modelFromOnnx(encodeGraph(graph, { opsets: { '': 17 } }))
    expect(model.binary).toBeDefined()
    expect(await heldCuts(model, drawn(7, 5))).toEqual(['r1', 'r2'])
  })

  test('are found below branches and loops that read what is below them', async () => {
    const untyped = (name: string): ValueInfo => ({ name, type: 'float32', dims: undefined, untyped: true })
    const body: Graph = {
      name: 'body',
      inputs: ['turn', 'before', 'carried'].map(untyped),
      outputs: ['go', 'next'].map(untyped),
      initializers: new Map(),
      nodes: [node('Identity', ['before'], 'go'), node('Add', ['carried', 'r1'], 'next')],
    }
    const branch = (output: string): Graph => ({
      ...{ name: output, inputs: [], initializers: new Map() },
      ...{
        outputs: [{ name: output, type: 'float32', dims: undefined }],
        nodes: [node('Relu', ['h2'], output)],
      },
    })
    const model = modelOf({
      inputs: [floats('batch', 5)],
      nodes: [
        ...plain.slice(0, 2),
        node('Loop', ['trips', '', 'r1'], 'looped', { body: graphAttribute(body) }),
        linear('looped', 'two', 'h2'),
        node('If', ['yes'], 'r2', {
          then_branch: graphAttribute(branch('t')),
          else_branch: graphAttribute(branch('e')),
        }),
        linear('r2', 'head', 'logits'),
      ],
      parameters: layers,
      constants: { trips: int64([], [2]), yes: { type: 'bool', dims: [], data: Uint8Array.of(1) } },
    })
    expect(await heldCuts(model, drawn(4, 5))).toEqual(['looped', 'r2'])
  })
})

describe('what is read beside the learned value', () => {
  const tokens = int64([4, 3], [1, 2, 3, 4, 5, 0, 6, 0, 0, 7, 1, 2])
  const text = (
    nodes: readonly Node[],
    inputs: Parts['inputs'],
    constants: Parts['constants'] = {},
    opset = 17,
  ) =>
    modelOf({
      inputs,
      nodes: [
        node('Gather', ['embedding', 'ids'], 'e'),
        ...nodes,
        node('ReduceMean', ['masked'], 'mean', { axes: [1], keepdims: 0 }),
        linear('mean', 'head', 'logits'),
      ],
      parameters: { embedding: drawn(8, 6), mix: drawn(6, 6), ...weights('head', 3, 6) },
      constants: { last: int64([1], [2]), ...constants },
      opset,
    })

  test('is a mask that the graph makes of the ids: kept as 0 and 1, never the ids', async () => {
    for (const opset of [9, 17]) {
      const model = text(
        [
          node('MatMul', ['e', 'mix'], 'm'),
          node('Equal', ['ids', 'pad'], 'padded'),
          node('Cast', ['padded'], 'padding', { to: TensorCode.float32 }),
          node('Mul', ['padding', 'low'], 'mask'),
          opset < 13
            ? node('Unsqueeze', ['mask'], 'wide', { axes: [2] })
            : node('Unsqueeze', ['mask', 'last'], 'wide'),
          node('Add', ['m', 'wide'], 'masked'),
        ],
        [ids('ids')],
        { pad: int64([], [0]), low: float32([], [-1e4]) },
        opset,
      )
      expect(await heldCuts(model, tokens)).toEqual(['e + padded', 'mean'])
      expect(cutsOf(model, [3])[0]).toMatchObject({ types: ['float32', 'bool'], floats: 3 * 6 + 3 })
    }
  })

  test('is an input of its own, where the mask is one', async () => {
    const model = text(
      [
        node('MatMul', ['e', 'mix'], 'm'),
        node('Cast', ['attention_mask'], 'kept', { to: TensorCode.float32 }),
        node('Unsqueeze', ['kept', 'last'], 'wide'),
        node('Mul', ['m', 'wide'], 'masked'),
      ],
      [ids('ids'), ids('attention_mask')],
    )
    expect(await heldCuts(model, tokens)).toEqual(['e + attention_mask', 'mean'])
  })

  test('is nothing where positions are the same in each row', async () => {
    const model = text(
      [
        node('MatMul', ['e', 'mix'], 'm'),
        node('Cast', ['position_ids'], 'places', { to: TensorCode.float32 }),
        node('Unsqueeze', ['places', 'last'], 'wide'),
        node('Mul', ['m', 'wide'], 'masked'),
      ],
      [ids('ids'), ids('position_ids')],
    )
    expect(await heldCuts(model, tokens)).toEqual(['e', 'mean'])
  })

  test('makes a head that reads the input impossible to take alone', () => {
    const model = modelOf({
      inputs: [floats('batch', 5)],
      nodes: [
        linear('x', 'one', 'h1'),
        linear('h1', 'head', 'scores'),
        node('ReduceSum', ['x'], 'total', { keepdims: 1 }),
        node('Add', ['scores', 'total'], 'logits'),
      ],
      parameters: { ...weights('one', 6, 5), ...weights('head', 3, 6) },
    })
    expect(() => modelAbove(model, { values: ['h1'], types: ['float32'], dims: [[6]] })).toThrow(
      expect.objectContaining({ code: 'cut-past' }),
    )
  })
})

describe('activations', () => {
  const model = modelOf({
    inputs: [floats('batch', 5)],
    nodes: [linear('x', 'one', 'h1'), node('Relu', ['h1'], 'r1'), linear('r1', 'head', 'logits')],
    parameters: { ...weights('one', 6, 5), ...weights('head', 3, 6) },
  })
  const cut = itemAt(cutsOf(model, [5]), 0, 'cut')
  const data = rows(drawn(600, 5))

  test('are exact in float32, and near in float16 and bytes, which the preprocessing undoes', async () => {
    const whole = await logitsOf(model, data)
    for (const [store, bound, bytes] of [
      ['float32', 0, 4],
      ['float16', 5e-3, 2],
      ['uint8', 5e-2, 1],
    ] as const) {
      const stored = await activationsAt(engine, model, cut, data, { store })
      expect(stored.inputs.type).toBe(store)
      expect(stored.inputs.dims).toEqual([600, 6])
      expect((stored.inputs.data as Float32Array).byteLength).toBe(600 * 6 * bytes)
      const found = await logitsOf(modelAbove(model, cut), stored)
      expect(farthest(found, whole)).toBeLessThanOrEqual(bound)
    }
  })

  test('are told to be of other weights by the hash of what is below alone', () => {
    const hash = (name?: string) =>
      bodyHash(
        {
          ...model,
          parameters: new Map(
            [...model.parameters].map(([key, tensor]) => [key, key === name ? float32(tensor.dims) : tensor]),
          ),
        },
        cut,
      )
    expect(hash('head.weight')).toBe(hash())
    expect(hash('one.bias')).not.toBe(hash())
    expect(bodyHash(model)).toBe(hash())
  })

  test('are refused where 16 bits cannot hold them', async () => {
    const large = rows(float32([1, 5], [1e9, 1e9, 1e9, -1e9, 1e9]))
    await expect(activationsAt(engine, model, cut, large, { store: 'float16' })).rejects.toMatchObject({
      code: 'activations-range',
    })
  })

  test('of no rows are none', async () => {
    for (const store of ['float32', 'float16', 'uint8'] as const) {
      const { inputs } = await activationsAt(engine, model, cut, rows(float32([0, 5])), { store })
      expect(inputs).toMatchObject({ type: store, dims: [0, 6] })
    }
  })
})
