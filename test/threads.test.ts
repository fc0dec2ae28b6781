import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { bytesOf } from '../src/data/rows.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { threadDependentOps } from '../src/engine/threads.ts'
import { ewc } from '../src/methods/ewc.ts'
import { mlp, transformerEncoder } from '../src/model/layers/index.ts'
import type { Model } from '../src/model/model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Attributes } from '../src/onnx/graph.ts'
import type { OpCase } from '../src/ops/core/index.ts'
import { opTable } from '../src/ops/table.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, sizeOf, type Tensor } from '../src/tensor/tensor.ts'
import { adam } from '../src/train/step/index.ts'
import { buildCase, feedsFor } from './op-cases.ts'
import { bitsOf, runToEnd, toyOptions, toyStream } from './toy-learning.ts'

const engines = [1, 2, 4].map((threads) => ortNode({ threads }))

/** What a graph gives on each engine, as bytes. */
async function answers(
  builder: GraphBuilder,
  feeds: ReadonlyMap<string, Tensor>,
  on = engines,
): Promise<Buffer[]> {
  const bytes = encodeGraph(builder.finish('case'))
  const found: Buffer[] = []
  for (const engine of on) {
    const executable = await engine.load(bytes)
    const results = await executable.run(feedsFor(executable, new Map(feeds)))
    await executable.dispose()
    found.push(
      Buffer.concat(
        [...results.values()].map((tensor) =>
          Buffer.from(tensor.type === 'string' ? (tensor.data as string[]).join('\0') : bytesOf(tensor)),
        ),
      ),
    )
  }
  return found
}

const same = ([first, ...others]: readonly Buffer[]): boolean =>
  others.every((other) => first?.equals(other) === true)

/** The numbers that a case reads. */
const size = ({ inputs }: OpCase): number =>
  inputs.reduce((sum, input) => sum + (input ? sizeOf(input.dims) : 0), 0)

// Only large work is divided between threads, so of each op the largest case is run, on one thread and on the most.
const extremes = engines.filter((_, at) => at !== 1)

describe('ops that are not listed give the same bits on 1 and 4 threads', () => {
  const others = [...opTable.values()].filter(
    ({ op, cases }) => cases.length > 0 && !threadDependentOps.has(op),
  )
  it.each(others)('$op', async (definition) => {
    const largest = definition.cases.reduce((most, item) => (size(item) > size(most) ? item : most))
    const { builder, feeds, outputs } = buildCase(definition, largest)
    for (const [index, output] of outputs.entries()) builder.output(output, `output${index}`)
    expect(same(await answers(builder, feeds, extremes))).toBe(true)
  })
})

/** One op of float inputs, large enough for the runtime to divide it between threads. */
function wide(op: string, dims: readonly (readonly number[])[], attributes: Attributes = {}) {
  const builder = new GraphBuilder()
  const feeds = new Map<string, Tensor>()
  const inputs = dims.map((each, index) => {
    const tensor = float32(each)
    randomStream(1, `${op} ${index}`).fillUniform(tensor.data, 0.1, 1)
    feeds.set(`x${index}`, tensor)
    return builder.input(`x${index}`, tensor)
  })
  builder.output(builder.op(op, inputs, attributes), 'y')
  return answers(builder, feeds)
}

describe('ops on many numbers', () => {
  const images = [8, 32, 32, 32]
  it.each([
    ['Conv', [images, [64, 32, 3, 3]], { pads: [1, 1, 1, 1] }],
    ['Conv', [images, [32, 1, 3, 3]], { group: 32 }],
    ['ConvTranspose', [images, [32, 64, 3, 3]], {}],
    ['MaxPool', [images], { kernel_shape: [3, 3] }],
    ['AveragePool', [images], { kernel_shape: [3, 3] }],
    ['GlobalAveragePool', [images], {}],
    ['BatchNormalization', [images, [32], [32], [32], [32]], {}],
    ['InstanceNormalization', [images, [32], [32]], {}],
    ['LayerNormalization', [[64, 64, 256], [256], [256]], {}],
    ['Softmax', [[512, 1000]], {}],
    ['LogSoftmax', [[512, 1000]], {}],
    ['ReduceSum', [[512, 1000]], { keepdims: 0 }],
    ['ReduceMean', [[512, 1000]], { keepdims: 0 }],
    ['ReduceL2', [[512, 1000]], { keepdims: 0 }],
    ['Exp', [[500_000]], {}],
    ['Erf', [[500_000]], {}],
    ['Tanh', [[500_000]], {}],
    ['Add', [[500_000], [500_000]], {}],
    ['Mul', [[500_000], [500_000]], {}],
    ['Div', [[500_000], [500_000]], {}],
    [
      'LSTM',
      [
        [10, 64, 128],
        [1, 512, 128],
        [1, 512, 128],
      ],
      { hidden_size: 128 },
    ],
    // Products with as many rows as columns or more, or with the first matrix transposed.
    [
      'MatMul',
      [
        [128, 784],
        [784, 100],
      ],
      {},
    ],
    [
      'MatMul',
      [
        [8, 12, 128, 64],
        [8, 12, 64, 128],
      ],
      {},
    ],
    [
      'Gemm',
      [
        [128, 784],
        [784, 100],
      ],
      {},
    ],
    [
      'Gemm',
      [
        [784, 64],
        [784, 100],
      ],
      { transA: 1 },
    ],
  ] as const)('%s of %j %j: the same bits', async (op, dims, attributes) => {
    expect(same(await wide(op, dims, attributes as Attributes))).toBe(true)
  })

  it.each([
    ['MatMul', {}],
    ['Gemm', {}],
  ])('%s with few columns a thread may differ in last bits and no further', async (op, attributes) => {
    const found = await wide(
      op,
      [
        [64, 784],
        [784, 100],
      ],
      attributes,
    )
    expect(threadDependentOps.has(op)).toBe(true)
    const [one, ...others] = found.map((bytes) => new Float32Array(new Uint8Array(bytes).buffer))
    for (const other of others) {
      other.forEach((value, at) => {
        expect(Math.abs(value - (one?.[at] ?? Number.NaN))).toBeLessThan(1e-5 * Math.abs(value))
      })
    }
  })
})

describe('steps and Fisher of a run', () => {
  const tokens = { width: 16 * 32, dims: [16, 32], perClass: 64 }
  const models: readonly (readonly [string, Parameters<typeof toyStream>[1], () => Model])[] = [
    ['an mlp', { width: 784, perClass: 64 }, () => mlp({ widths: [784, 96, 6] })],
    [
      'a transformer',
      tokens,
      () =>
        transformerEncoder({
          layers: 1,
          width: 64,
          heads: 2,
          feedForward: 64,
          tokens: 16,
          inputWidth: 32,
          classes: 6,
        }),
    ],
  ]
  it.each(models)('of %s end in the same bits', async (_, data, modelOf) => {
    const stream = toyStream('class', data)
    const bits: string[] = []
    for (const engine of engines) {
      const { result } = await runToEnd(
        toyOptions({
          stream,
          model: modelOf(),
          engine,
          // The Fisher of a task is on as many rows as one pass has.
          method: ewc({ lambda: 10, samples: 128 }),
          settings: { optimiser: adam() },
          learningRate: 0.001,
          batchSize: 128,
          iterations: 3,
        }),
      )
      bits.push(bitsOf(new Map([...result.parameters, ...result.buffers])))
    }
    expect(new Set(bits).size).toBe(1)
  })

  it('are the same each time on one number of threads, whatever the products', async () => {
    const stream = toyStream('class', { width: 784, perClass: 64 })
    for (const engine of engines.slice(1)) {
      const run = async () => {
        const method = ewc({ lambda: 10, samples: 100 })
        const { result } = await runToEnd(
          toyOptions({
            stream,
            model: mlp({ widths: [784, 100, 6] }),
            engine,
            method,
            batchSize: 32,
            iterations: 3,
          }),
        )
        return bitsOf(result.parameters)
      }
      expect(await run()).toBe(await run())
    }
  })
})
