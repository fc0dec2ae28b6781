import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { specialise } from '../../autodiff/specialise.ts'
import { ortNode } from '../../engine/ort-node.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { randomStream } from '../../tensor/random.ts'
import { float32, int64, sizeOf, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { modelFromOnnx, modelToOnnx } from '../import/onnx-model.ts'
import { crossEntropy } from '../losses/cross-entropy.ts'
import { type Model, parameterCount } from '../model.ts'
import { conv2d } from './convolutions.ts'
import { linear, relu, residual, sequential } from './layers.ts'
import { network } from './network.ts'
import { cnn, mlp, plainCnn, simpleModel } from './networks.ts'
import { transformerEncoder } from './transformer-network.ts'

const engine = ortNode({ threads: 1 })

async function logitsOf(bytes: Uint8Array, x: Tensor): Promise<Tensor | undefined> {
  const executable = await engine.load(bytes)
  const outputs = await executable.run(new Map([['x', x]]))
  await executable.dispose()
  return outputs.get('logits')
}

function batchFor(model: Model, size: number): Tensor {
  const dims = [size, ...(model.input.dims ?? []).slice(1).map(Number)]
  const random = randomStream(3, 'batch')
  if (model.input.type === 'int64') {
    return int64(
      dims,
      Array.from({ length: sizeOf(dims) }, () => random.integer(11)),
    )
  }
  const batch = float32(dims)
  random.fillNormal(batch.data)
  return batch
}

const encoder = { layers: 2, width: 16, heads: 4, feedForward: 32, tokens: 6, classes: 3, seed: 5 }
const models: Readonly<Record<string, () => Model>> = {
  simpleModel: () => simpleModel({ seed: 1 }),
  mlp: () => mlp({ widths: [12, 8, 8, 4], seed: 1 }),
  'mlp with gelu': () => mlp({ widths: [12, 8, 4], activation: 'gelu', classes: ['a', 'b', 'c', 'd'] }),
  cnn: () => cnn({ channels: [4, 8], classes: 3, inputDims: [2, 8, 8], blocks: 2, seed: 2 }),
  plainCnn: () => plainCnn({ channels: [2, 2, 3, 3, 4], inputDims: [3, 8, 8], classes: 5 }),
  'transformerEncoder of floats': () => transformerEncoder(encoder),
  'transformerEncoder of projected floats': () => transformerEncoder({ ...encoder, inputWidth: 7 }),
  'transformerEncoder of tokens': () => transformerEncoder({ ...encoder, vocabulary: 11 }),
}

describe.each(Object.entries(models))('%s', (_, make) => {
  it('runs for any batch and gives logits', async () => {
    const model = make()
    const bytes = modelToOnnx(model)
    for (const size of [1, 3]) {
      const logits = await logitsOf(bytes, batchFor(model, size))
      expect(logits?.dims).toEqual([size, model.classes.length])
      expect(toNumbers(logits as Tensor).every(Number.isFinite)).toBe(true)
    }
  })

  it('tells samples apart', async () => {
    const model = make()
    const logits = toNumbers((await logitsOf(modelToOnnx(model), batchFor(model, 2))) as Tensor)
    const half = logits.length / 2
    expect(logits.slice(0, half)).not.toEqual(logits.slice(half))
  })

  it('comes back from its file as it was', async () => {
    const model = make()
    const back = modelFromOnnx(modelToOnnx(model), { batchNorm: 'train' })
    const byName = (tensors: ReadonlyMap<string, Tensor>) => Object.fromEntries(tensors)
    expect(byName(back.parameters)).toEqual(byName(model.parameters))
    expect(byName(back.buffers)).toEqual(byName(model.buffers))
    expect({ ...back, parameters: 0, buffers: 0, graph: 0 }).toEqual({
      ...model,
      parameters: 0,
      buffers: 0,
      graph: 0,
    })
    const x = batchFor(model, 2)
    expect(await logitsOf(modelToOnnx(back), x)).toEqual(await logitsOf(modelToOnnx(model), x))
  })

  it('has a gradient for every parameter once it is specialised, and the same logits', async () => {
    const model = make()
    const x = batchFor(model, 3)
    const builder = new GraphBuilder()
    const bindings = new Map(
      [...model.parameters, ...model.buffers].map(([name, tensor]) => [
        name,
        builder.parameter(name, tensor),
      ]),
    )
    bindings.set('x', builder.input('x', x))
    const { outputs } = specialise(builder, model.graph, model.opsets, bindings)
    const logits = outputs.get(model.output)
    if (!logits) throw new Error('no logits')
    builder.output(logits, 'logits')
    // The runtime fuses differently where batches are fixed, so the last bits may differ.
    const expected = toNumbers((await logitsOf(modelToOnnx(model), x)) as Tensor)
    const given = toNumbers((await logitsOf(encodeGraph(builder.finish('forward')), x)) as Tensor)
    const largest = Math.max(...expected.map(Math.abs))
    const worst = Math.max(...given.map((value, at) => Math.abs(value - (expected[at] ?? Number.NaN))))
    expect(worst / largest).toBeLessThan(1e-5)
    const labels = builder.input('labels', { type: 'int32', dims: [3] })
    const parameters = [...model.parameters.keys()].flatMap((name) => bindings.get(name) ?? [])
    const found = gradients(builder, crossEntropy(builder, logits, labels), parameters)
    expect(found.map((gradient) => gradient?.dims)).toEqual(parameters.map(({ dims }) => dims))
  })

  it('is the same for the same seed', () => {
    expect(make()).toEqual(make())
  })
})

describe('names and sizes', () => {
  const sizes = (model: Model): Record<string, readonly number[]> =>
    Object.fromEntries([...model.parameters].map(([name, { dims }]) => [name, dims]))

  it("of the simple model are the article's", () => {
    expect(sizes(simpleModel())).toEqual({ 'fc.weight': [10, 784], 'fc.bias': [10] })
    expect(parameterCount(simpleModel())).toBe(7850)
  })

  it('of an mlp count activations, as PyTorch does', () => {
    expect(sizes(mlp({ widths: [784, 400, 400, 10] }))).toEqual({
      'layers.0.weight': [400, 784],
      'layers.0.bias': [400],
      'layers.2.weight': [400, 400],
      'layers.2.bias': [400],
      'layers.4.weight': [10, 400],
      'layers.4.bias': [10],
    })
  })

  it('of a cnn are those of a ResNet', () => {
    const model = cnn({ channels: [16, 32], classes: 10 })
    expect(Object.keys(sizes(model))).toEqual([
      'conv1.weight',
      'bn1.weight',
      'bn1.bias',
      'layer1.0.conv1.weight',
      'layer1.0.bn1.weight',
      'layer1.0.bn1.bias',
      'layer1.0.conv2.weight',
      'layer1.0.bn2.weight',
      'layer1.0.bn2.bias',
      'layer2.0.conv1.weight',
      'layer2.0.bn1.weight',
      'layer2.0.bn1.bias',
      'layer2.0.conv2.weight',
      'layer2.0.bn2.weight',
      'layer2.0.bn2.bias',
      'layer2.0.downsample.0.weight',
      'layer2.0.downsample.1.weight',
      'layer2.0.downsample.1.bias',
      'fc.weight',
      'fc.bias',
    ])
    expect([...model.buffers.keys()].slice(0, 2)).toEqual(['bn1.running_mean', 'bn1.running_var'])
  })

  it('of the benchmark networks have as many parameters as the reference has', () => {
    const conv = (i: number, o: number) => 9 * i * o + o
    const small = conv(3, 32) + conv(32, 32) + conv(32, 64) + conv(64, 64) + conv(64, 128) + 1290
    expect(parameterCount(plainCnn())).toBe(small)
    expect([...plainCnn().parameters.keys()].at(-1)).toBe('14.bias')
    const layer = 4 * (256 * 256 + 256) + 2 * 256 * 1024 + 1024 + 256 + 4 * 256
    const transformer = transformerEncoder({
      layers: 4,
      width: 256,
      heads: 4,
      feedForward: 1024,
      tokens: 64,
      classes: 10,
    })
    expect(parameterCount(transformer)).toBe(4 * layer + 512 + 2570)
    expect(transformer.input.dims).toEqual(['N', 64, 256])
  })

  it("leave a layer's numbers as they were when another is added", () => {
    const small = mlp({ widths: [6, 5, 4], seed: 3 })
    const deep = mlp({ widths: [6, 5, 5, 4], seed: 3 })
    expect(deep.parameters.get('layers.0.weight')).toEqual(small.parameters.get('layers.0.weight'))
  })

  it('take other parameters into the file', () => {
    const model = simpleModel()
    const bias = float32(
      [10],
      Array.from({ length: 10 }, (_, n) => n),
    )
    const back = modelFromOnnx(modelToOnnx(model, { parameters: new Map([['fc.bias', bias]]) }))
    expect(back.parameters.get('fc.bias')).toEqual(bias)
    expect(back.parameters.get('fc.weight')).toEqual(model.parameters.get('fc.weight'))
  })
})

describe('what makes no sense is refused', () => {
  const code = (expected: string) => expect.objectContaining({ code: expected })
  it.each<[string, string, () => unknown]>([
    ['widths that do not end in the classes', 'widths', () => mlp({ widths: [4, 3], classes: 2 })],
    ['a single width', 'widths', () => mlp({ widths: [4] })],
    ['no classes', 'classes', () => simpleModel({ classes: 0 })],
    ['two classes of one name', 'classes', () => simpleModel({ classes: ['a', 'a'] })],
    ['heads that do not divide', 'heads', () => transformerEncoder({ ...encoder, heads: 3 })],
    ['no tokens', 'tokens', () => transformerEncoder({ ...encoder, tokens: 0 })],
    ['another place for the norm', 'norm', () => transformerEncoder({ ...encoder, norm: 'post' as 'pre' })],
    ['no stage', 'channels', () => cnn({ channels: [] })],
    [
      'layers that do not fit',
      'layer-dims',
      () =>
        network({ name: 'n', inputDims: [4], layer: sequential([linear(4, 3), linear(4, 2)]), classes: 2 }),
    ],
    [
      'a convolution on rows',
      'layer-dims',
      () => network({ name: 'n', inputDims: [4], layer: conv2d(4, 2, 3), classes: 2 }),
    ],
    [
      'a residual of other dims',
      'residual-dims',
      () => network({ name: 'n', inputDims: [4], layer: residual(linear(4, 2)), classes: 2 }),
    ],
    [
      'an end that is no row of logits',
      'logits-dims',
      () => network({ name: 'n', inputDims: [4], layer: relu(), classes: 2 }),
    ],
    [
      'two parameters of one name',
      'parameter-name',
      () =>
        network({
          name: 'n',
          inputDims: [4],
          layer: (writer, x) => linear(4, 4)(writer, linear(4, 4)(writer, x)),
          classes: 4,
        }),
    ],
    [
      'a parameter that the model lacks',
      'parameter-unknown',
      () => modelToOnnx(simpleModel(), { parameters: new Map([['x', float32([1])]]) }),
    ],
    [
      'a parameter of other dims',
      'parameter-dims',
      () => modelToOnnx(simpleModel(), { parameters: new Map([['fc.bias', float32([9])]]) }),
    ],
  ])('%s', (_, expected, make) => {
    expect(make).toThrow(code(expected))
  })
})
