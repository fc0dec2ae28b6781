import { describe, expect, test } from 'vitest'
import { createDataset, type Dataset } from '../src/data/dataset.ts'
import { activationsAt, type Cut, cutsOf, modelAbove } from '../src/evaluate/cuts/index.ts'
import { none } from '../src/methods/none.ts'
import { trainOnly } from '../src/model/adapters/index.ts'
import { widenHead } from '../src/model/heads/index.ts'
import { cnn } from '../src/model/layers/networks.ts'
import type { Model } from '../src/model/model.ts'
import { type Node, plainNode as node } from '../src/onnx/graph.ts'
import { itemAt, required } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, int64, type Tensor } from '../src/tensor/tensor.ts'
import { sgd } from '../src/train/step/optimisers.ts'
import { fineTune } from '../src/update/recipes/fine-tune.ts'
import { families, readFamily } from './families.ts'
import { engine } from './op-cases.ts'

const ROWS = 6

function labelled(inputs: Tensor, classes: readonly string[], pad?: number): Dataset {
  const data = Int32Array.from({ length: ROWS }, (_, row) => row % classes.length)
  return createDataset({
    name: 'rows',
    inputs,
    labels: { type: 'int32', dims: [ROWS], data },
    classes,
    preprocessing: { scale: 1, mean: 0, std: 1, ...(pad === undefined ? {} : { pad }) },
  })
}

function pixels(classes: readonly string[], dims: readonly number[]): Dataset {
  const inputs = float32([ROWS, ...dims])
  randomStream(3, 'pixels').fillNormal(inputs.data)
  return labelled(inputs, classes)
}

/** Rows of 8 ids, of which the last ones are padding. */
function texts(classes: readonly string[], words: number): Dataset {
  const random = randomStream(4, 'texts')
  const ids = Array.from({ length: ROWS * 8 }, (_, at) =>
    at % 8 > 7 - (Math.floor(at / 8) % 4) ? 0 : 1 + Math.floor(random.uniform() * (words - 1)),
  )
  return labelled(int64([ROWS, 8], ids), classes, 0)
}

const step = (model: Model, train: Dataset) =>
  fineTune({
    ...{ engine, model, train, method: none(), settings: { optimiser: sgd() } },
    ...{ iterations: 1, batchSize: ROWS, learningRate: 0.1, seed: 1 },
  })

/** The whole model in which only what is above a cut trains, and norms below go by their running statistics. */
function frozenBelow(model: Model, { above, below }: Cut): Model {
  const isBelow = ({ op, inputs }: Node) =>
    op === 'BatchNormalization' && below.parameters.includes(inputs[1] ?? '')
  const pieces = model.graph.nodes.map((node) =>
    isBelow(node) ? asAffine(model, node) : { nodes: [node], constants: [] },
  )
  const nodes = pieces.flatMap((piece) => piece.nodes)
  const constants = pieces.flatMap((piece) => piece.constants)
  const statistics = new Set(nodes.flatMap(({ inputs }) => inputs))
  return trainOnly(
    {
      ...model,
      graph: { ...model.graph, nodes, initializers: new Map([...model.graph.initializers, ...constants]) },
      buffers: new Map([...model.buffers].filter(([name]) => statistics.has(name))),
    },
    new Set(above.parameters),
  )
}

/** A norm by its running statistics, as a product and a sum. */
function asAffine({ parameters, buffers }: Model, { inputs, outputs, name }: Node) {
  const numbers = (at: number, held: ReadonlyMap<string, Tensor>) =>
    required(held, inputs[at] ?? '', 'tensor').data as Float32Array
  const [scale, bias] = [numbers(1, parameters), numbers(2, parameters)]
  const [mean, variance] = [numbers(3, buffers), numbers(4, buffers)]
  const factor = scale.map((value, at) => value / Math.sqrt((variance[at] ?? 0) + 1e-5))
  const offset = bias.map((value, at) => value - (mean[at] ?? 0) * (factor[at] ?? 0))
  const dims = [1, scale.length, 1, 1]
  const plain = { domain: '', attributes: {} }
  const nodes: Node[] = [
    {
      ...plain,
      op: 'Mul',
      name: `${name}/mul`,
      inputs: [inputs[0] ?? '', `${name}/factor`],
      outputs: [`${name}/product`],
    },
    { ...plain, op: 'Add', name: `${name}/add`, inputs: [`${name}/product`, `${name}/offset`], outputs },
  ]
  return {
    nodes,
    constants: [
      [`${name}/factor`, float32(dims, factor)],
      [`${name}/offset`, float32(dims, offset)],
    ] as const,
  }
}

function expectClose(found: ReadonlyMap<string, Tensor>, wanted: ReadonlyMap<string, Tensor>): void {
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort())
  for (const [name, { data }] of wanted) {
    const own = required(found, name, 'tensor').data as Float32Array
    const off = own.map((value, at) => Math.abs(value - Number(data[at])))
    expect(Math.max(...off), name).toBeLessThan(2e-6)
  }
}

/** What a step changes, and by how much at the most. */
const moved = ({ parameters }: Model, after: ReadonlyMap<string, Tensor>): number =>
  Math.max(
    ...[...after].map(([name, { data }]) => {
      const before = required(parameters, name, 'parameter').data as Float32Array
      return Math.max(...before.map((value, at) => Math.abs(value - Number(data[at]))))
    }),
  )

async function expectSameStep(model: Model, cut: Cut, data: Dataset): Promise<void> {
  const above = await step(modelAbove(model, cut), await activationsAt(engine, model, cut, data))
  const whole = await step(frozenBelow(model, cut), data)
  expect(moved(model, above.parameters)).toBeGreaterThan(1e-4)
  expectClose(above.parameters, whole.parameters)
  expectClose(above.buffers, whole.buffers)
}

const family = (name: string) =>
  readFamily(required(new Map(families.map((each) => [each.name, each])), name, 'family')).model

/** Embedding, two widths of convolution over positions, the largest of each, linear. */
function textCnn(classes: readonly string[]): Model {
  const random = randomStream(5, 'text-cnn')
  const drawn = (...dims: number[]) => {
    const tensor = float32(dims)
    random.fillNormal(tensor.data)
    return tensor
  }
  const input = { name: 'ids', type: 'int64', dims: ['batch', 'positions'] } as const
  const branch = (width: number) => [
    node('Conv', ['across', `conv${width}.weight`, `conv${width}.bias`], `conv${width}`),
    node('Relu', [`conv${width}`], `relu${width}`),
    node('ReduceMax', [`relu${width}`], `max${width}`, { axes: [2], keepdims: 0 }),
  ]
  return {
    graph: {
      name: 'text-cnn',
      inputs: [input],
      outputs: [{ name: 'logits', type: 'float32', dims: ['batch', classes.length] }],
      initializers: new Map(),
      nodes: [
        node('Gather', ['embedding.weight', 'ids'], 'words'),
        node('Transpose', ['words'], 'across', { perm: [0, 2, 1] }),
        ...[2, 3].flatMap(branch),
        node('Concat', ['max2', 'max3'], 'features', { axis: 1 }),
        node('Gemm', ['features', 'fc.weight', 'fc.bias'], 'logits', { transB: 1 }),
      ],
    },
    opsets: { '': 13 },
    parameters: new Map([
      ['embedding.weight', drawn(20, 6)],
      ['conv2.weight', drawn(5, 6, 2)],
      ['conv2.bias', drawn(5)],
      ['conv3.weight', drawn(5, 6, 3)],
      ['conv3.bias', drawn(5)],
      ['fc.weight', drawn(classes.length, 10)],
      ['fc.bias', drawn(classes.length)],
    ]),
    buffers: new Map(),
    input,
    output: 'logits',
    classes,
  }
}

describe('a step above a cut is a step of the whole with the layers above selected', () => {
  const classes = ['a', 'b', 'c']

  test('in a ResNet whose norms follow the batch above, and stand still below', async () => {
    const model = cnn({ channels: [4, 6, 8], classes, inputDims: [3, 8, 8], seed: 1 })
    const data = pixels(classes, [3, 8, 8])
    const cuts = cutsOf(model, [3, 8, 8])
    expect(cuts.map(({ above }) => above.parameters.length)).toEqual([26, 20, 11, 2])
    for (const cut of cuts) {
      const { buffers } = modelAbove(model, cut)
      expect(buffers.size).toBe(cut.above.parameters.filter((name) => /bn|downsample\.1/.test(name)).length)
      await expectSameStep(model, cut, data)
    }
  })

  test('in a ResNet whose norms were folded', async () => {
    const model = family('resnet-folded')
    const data = pixels(model.classes, [3, 64, 64])
    const cut = itemAt(cutsOf(model, [3, 64, 64]), 2, 'cut')
    await expectSameStep(model, cut, data)
  })

  test('in a transformer with a mask', async () => {
    const model = family('bert')
    const data = texts(model.classes, 40)
    const cuts = cutsOf(model, [8]).filter(({ values }) => values.length === 2)
    expect(cuts.length).toBeGreaterThan(1)
    const [cut] = cuts.slice(-1)
    if (cut) await expectSameStep(model, cut, data)
    // The mask matters: with all tokens taken for words the answers are others.
    const activations = cut && (await activationsAt(engine, model, cut, data))
    const blind =
      cut &&
      (await activationsAt(engine, model, cut, { ...data, preprocessing: { scale: 1, mean: 0, std: 1 } }))
    expect(activations?.inputs.data).not.toEqual(blind?.inputs.data)
  })

  test('in a convolutional network for texts', async () => {
    const model = textCnn(classes)
    const data = texts(classes, 20)
    const cuts = cutsOf(model, [8])
    expect(cuts.map(({ values }) => values[0])).toEqual(['across', 'features'])
    for (const cut of cuts) await expectSameStep(model, cut, data)
  })

  test('with a head that knows more classes, too', async () => {
    const model = cnn({ channels: [4, 6], classes, inputDims: [3, 8, 8], seed: 1 })
    const wide = widenHead(model, { classes: ['d', 'e'] })
    const data = pixels(wide.classes, [3, 8, 8])
    for (const cut of cutsOf(model, [3, 8, 8])) await expectSameStep(wide, cut, data)
  })
})
