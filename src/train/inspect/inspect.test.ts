import { describe, expect, it } from 'vitest'
import { tinyDecoder } from '../../../test/tiny-decoder.ts'
import { GraphBuilder } from '../../autodiff/builder.ts'
import { graphCost } from '../../autodiff/graph-cost.ts'
import { modelFromOnnx } from '../../model/import/onnx-model.ts'
import { mlp } from '../../model/layers/networks.ts'
import { encodeGraph, type Graph, type Node } from '../../onnx/index.ts'
import { present } from '../../required.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { adam, sgd } from '../step/index.ts'
import { inspectModel } from './inspect.ts'

const node = (op: string, inputs: readonly string[], output: string, domain = ''): Node => ({
  op,
  domain,
  name: `/${output}`,
  inputs,
  outputs: [output],
  attributes: {},
})
const info = (name: string, dims: readonly (number | string)[]) => ({ name, type: 'float32' as const, dims })
const modelOf = (
  nodes: readonly Node[],
  initializers: Readonly<Record<string, Tensor>>,
  dims: readonly (number | string)[] = ['N', 3],
) => {
  const graph: Graph = {
    name: 'main',
    inputs: [info('x', dims)],
    outputs: [info('y', ['N', 2])],
    initializers: new Map(Object.entries(initializers)),
    nodes,
  }
  const bytes = encodeGraph(graph, { opsets: { '': 21, 'my.ops': 1 } })
  return modelFromOnnx(bytes, { batchNorm: 'train' })
}

describe('what a graph costs', () => {
  it('counts two operations a product of two numbers, and one an element elsewhere', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', { type: 'float32', dims: [4, 3, 8, 8] })
    const w = builder.input('w', { type: 'float32', dims: [5, 3, 3, 3] })
    const y = builder.op('Relu', [builder.op('Conv', [x, w])])
    const features = builder.op('Reshape', [
      y,
      builder.constant({ type: 'int64', dims: [2], data: BigInt64Array.of(4n, 180n) }),
    ])
    builder.output(
      builder.op('MatMul', [features, builder.input('v', { type: 'float32', dims: [180, 2] })]),
      'out',
    )
    const { flops, productFlops, heldBytes, peakBytes, innerPeakBytes } = graphCost(builder.finish('g'))
    const conv = 4 * 5 * 6 * 6
    expect(flops).toBe(2 * conv * 27 + conv + 2 * 8 * 180)
    expect(productFlops).toBe(flops - conv)
    expect(heldBytes).toBe(4 * (4 * 3 * 64 + 5 * 27 + 360) + 16)
    // The convolution's output stands beside the Relu's; the reshaped one is the same memory.
    expect(peakBytes).toBe(4 * 2 * conv)
    expect(innerPeakBytes).toBe(peakBytes)
  })

  it('tells what a graph gives out from what it computes on the way', () => {
    const builder = new GraphBuilder()
    const x = builder.input('x', { type: 'float32', dims: [100] })
    const first = builder.op('Relu', [x])
    builder.output(builder.op('Exp', [x]), 'early')
    builder.output(builder.op('Add', [first, first]), 'out')
    const { peakBytes, innerPeakBytes } = graphCost(builder.finish('g'))
    expect({ peakBytes, innerPeakBytes }).toEqual({ peakBytes: 4 * 300, innerPeakBytes: 4 * 100 })
  })

  it('counts the body of a loop once an entry', () => {
    const body: Graph = {
      name: 'body',
      inputs: [info('s', [2]), info('e', [2])],
      outputs: [info('s2', [2]), info('row', [2])],
      initializers: new Map(),
      nodes: [node('Add', ['s', 'e'], 's2'), node('Mul', ['s2', 'factor'], 'row')],
    }
    const scan: Node = {
      ...node('Scan', ['start', 'rows'], 'end'),
      outputs: ['end', 'all'],
      attributes: { body: { kind: 'graph', value: body }, num_scan_inputs: 1 },
    }
    const graph: Graph = {
      name: 'g',
      inputs: [info('start', [2]), info('rows', [7, 2]), info('factor', [2])],
      outputs: [info('end', [2]), info('all', [7, 2])],
      initializers: new Map(),
      nodes: [scan],
    }
    expect(graphCost(graph)).toMatchObject({ flops: 7 * 4, productFlops: 0, nodes: 3 })
  })
})

describe('an inspection', () => {
  const model = mlp({ widths: [3, 4, 2], seed: 1 })

  it('says what trains and what a step takes', () => {
    const { trainable, obstacles, parameters, step, head } = inspectModel(model, { batch: 8 })
    expect({ trainable, obstacles }).toEqual({ trainable: true, obstacles: [] })
    expect(parameters.map(({ name, trainable: trains }) => [name, trains])).toEqual(
      [...model.parameters.keys()].map((name) => [name, true]),
    )
    expect(head?.classes).toBe(2)
    const numbers = 3 * 4 + 4 + 4 * 2 + 2
    expect(step).toMatchObject({ batch: 8, parameterBytes: 4 * numbers, optimiserBytes: 8 * numbers })
    // Both layers forward, both weights and one input backward.
    expect(step?.flops).toBeGreaterThan(2 * 8 * (2 * 12 + 3 * 8))
    expect(step?.flops).toBeGreaterThan(2 * (step?.forwardFlops ?? Infinity))
    const twice = inspectModel(model, { batch: 16 }).step
    expect(twice?.activationBytes).toBeGreaterThan(step?.activationBytes ?? Infinity)
  })

  it('takes less for the head alone, and nothing else trains', () => {
    const all = inspectModel(model)
    const head = inspectModel(model, { train: { kind: 'head' } })
    expect(head.parameters.filter(({ trainable }) => trainable)).toHaveLength(2)
    expect(head.step?.flops).toBeLessThan(all.step?.flops ?? 0)
    expect(head.step?.optimiserBytes).toBeLessThan(all.step?.optimiserBytes ?? 0)
  })

  it('shows low-rank updates beside the weights that they change', () => {
    const { parameters, trainable } = inspectModel(model, { loraRank: 2 })
    expect(trainable).toBe(true)
    const trained = parameters.filter((parameter) => parameter.trainable).map(({ name }) => name)
    expect(trained.filter((name) => name.includes('/lora_'))).toHaveLength(2)
    expect(parameters.find(({ name }) => trained.includes(`${name}/lora_A`))?.trainable).toBe(false)
  })

  it('fixes the statistics of batch normalisation unless they are to train', () => {
    const ones = float32([3], [1, 1, 1])
    const normalised = modelOf(
      [
        { ...node('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'var'], 'n') },
        node('MatMul', ['n', 'w'], 'y'),
      ],
      {
        scale: float32([3], [1, 2, 3]),
        bias: float32([3], [0, 1, 0]),
        mean: float32([3]),
        var: ones,
        w: float32([3, 2], [1, 2, 3, 4, 5, 6]),
      },
    )
    const trains = (batchNorm: 'fixed' | 'train') =>
      inspectModel(normalised, { batchNorm }).parameters.flatMap(({ name, trainable }) =>
        trainable ? [name] : [],
      )
    expect(trains('fixed').sort()).toEqual(['bias', 'scale', 'w'])
    expect(trains('train').sort()).toEqual(['bias', 'mean', 'scale', 'var', 'w'])
  })

  it('takes sizes for symbolic dims from their names, or as they are given', () => {
    const w = float32([3, 2], [1, 2, 3, 4, 5, 6])
    const sequences = modelOf([node('MatMul', ['x', 'w'], 'y')], { w }, ['batch', 'sequence_length', 3])
    expect(inspectModel(sequences).step?.dims).toEqual({ batch: 16, sequence_length: 128 })
    const given = inspectModel(sequences, { batch: 4, dims: { sequence_length: 5 } }).step
    expect(given).toMatchObject({ batch: 4, dims: { batch: 4, sequence_length: 5 } })
    const fixed = modelOf([node('MatMul', ['x', 'w'], 'y')], { w }, [1, 3])
    // A batch of one in the file is run sixteen times at once, as training does it.
    expect(inspectModel(fixed).step).toMatchObject({ batch: 16, dims: {} })
  })

  it('counts images at their own size, and says what no verb but grad can do', () => {
    const kernel = float32([2, 1, 1, 1], [1, 2])
    const images = modelOf(
      [
        node('Conv', ['x', 'k'], 'c'),
        node('GlobalAveragePool', ['c'], 'g'),
        node('Flatten', ['g'], 'f'),
        node('MatMul', ['f', 'w'], 'y'),
      ],
      { k: kernel, w: float32([2, 2], [1, 2, 3, 4]) },
      ['N', 1, '', ''],
    )
    const flops = (image?: { height: number; width: number }) =>
      inspectModel(images, { batch: 1, image }).step?.forwardFlops ?? 0
    expect(flops({ height: 448, width: 112 })).toBe(flops())
    expect(flops({ height: 48, width: 192 })).toBeLessThan(flops() / 5)
    expect(inspectModel(images).limits).toEqual([])
    // Verbs read texts for a language model.
    expect(inspectModel(modelFromOnnx(tinyDecoder())).limits).toEqual([])
    const w = float32([3, 2], [1, 2, 3, 4, 5, 6])
    const sequences = modelOf([node('MatMul', ['x', 'w'], 'y')], { w }, ['batch', 'sequence_length', 3])
    expect(inspectModel(sequences).limits).toEqual([expect.stringContaining('[16,128,2]')])
  })

  it('announces copies of the state, the file and the process', () => {
    const step = inspectModel(model, { fileBytes: 2 ** 30 }).step
    expect(step?.bytes).toBeGreaterThan(2 ** 30 + 100 * 2 ** 20)
    const wide = inspectModel(mlp({ widths: [64, 2000, 2000, 2], seed: 1 })).step
    // Parameters once, and Adam's two slots: the state is three times the parameters, and is held twice beside the file.
    expect(wide?.bytes).toBeGreaterThan(7 * (wide?.parameterBytes ?? Infinity))
  })

  it('announces activations beside a state that is larger, and the optimiser that is asked for', () => {
    const large = mlp({ widths: [64, 2000, 2000, 2], seed: 1 })
    const stepOf = (batch: number, optimiser = adam()) =>
      present(inspectModel(large, { batch, optimiser }).step ?? undefined, 'a step')
    const [few, many] = [stepOf(16), stepOf(512)]
    // Before the update two hidden layers lie there, each before its ReLU and behind it or as gradient.
    const hidden = 4 * (512 - 16) * 2000 * 2
    expect(many.activationBytes - few.activationBytes).toBeGreaterThan(hidden)
    expect(many.activationBytes).toBeLessThan(many.parameterBytes + many.optimiserBytes)
    expect(many.bytes - few.bytes).toBeGreaterThan(2 * hidden)
    const momentum = stepOf(16, sgd({ momentum: 0.9 }))
    expect(momentum.optimiserBytes).toBe(few.optimiserBytes / 2)
    expect(few.bytes - momentum.bytes).toBeGreaterThan(2 * momentum.optimiserBytes)
  })

  it('names every obstacle: node, op, domain and reason', () => {
    const w = float32([3, 2], [1, 2, 3, 4, 5, 6])
    const { trainable, obstacles, step, parameters } = inspectModel(
      modelOf(
        [node('MatMul', ['x', 'w'], 'a'), node('Frob', ['a'], 'b', 'my.ops'), node('Frobnicate', ['b'], 'y')],
        { w },
      ),
    )
    expect({ trainable, step }).toEqual({ trainable: false, step: null })
    expect(parameters).toEqual([{ name: 'w', dims: [3, 2], type: 'float32', trainable: false }])
    expect(obstacles).toEqual([
      { node: '/b', op: 'Frob', domain: 'my.ops', reason: expect.stringContaining('my.ops') },
      { node: '/y', op: 'Frobnicate', domain: '', reason: expect.stringContaining('not in Holdfast') },
    ])
  })

  it('says so where nothing can be trained', () => {
    const { trainable, obstacles } = inspectModel(modelOf([node('Relu', ['x'], 'y')], {}))
    expect(trainable).toBe(false)
    expect(obstacles).toEqual([
      expect.objectContaining({ reason: expect.stringContaining('no float weights') }),
    ])
  })
})

it('names what of a step WebGPU has no kernel for, where it is asked', () => {
  const w = float32([3, 2], [1, 2, 3, 4, 5, 6])
  const lacking = (activation: string, onWebgpu: boolean) =>
    inspectModel(modelOf([node('MatMul', ['x', 'w'], 'h'), node(activation, ['h'], 'y')], { w }), {
      onWebgpu,
    }).step?.lacking
  expect(lacking('Mish', true)).toHaveProperty('Mish')
  expect(lacking('Relu', true)).toEqual({})
  expect(lacking('Mish', false)).toBeNull()
})
