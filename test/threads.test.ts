import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { bytesOf } from '../src/data/rows.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { threadDependentOps } from '../src/engine/threads.ts'
import { ewc } from '../src/methods/ewc.ts'
import { mlp, plainCnn, transformerEncoder } from '../src/model/layers/index.ts'
import type { Model } from '../src/model/model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Attributes } from '../src/onnx/graph.ts'
import type { OpCase, OpDefinition } from '../src/ops/core/index.ts'
import * as elementwiseOps from '../src/ops/elementwise/index.ts'
import { opTable } from '../src/ops/table.ts'
import { itemAt, required } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { adam } from '../src/train/step/index.ts'
import { buildCase, feedsFor } from './op-cases.ts'
import { bitsOf, runToEnd, toyOptions, toyStream } from './toy-learning.ts'

const engines = [1, 2, 4].map((threads) => ortNode({ threads }))
/** Whole runs load many graphs each: the two that are furthest apart. */
const furthest = [1, 4].map((threads) => ortNode({ threads }))

/** The share of each op's cases, of some 1,900, drawn (at least one). HOLDFAST_THREADS_SHARE=1 takes all. */
const share = Number(process.env.HOLDFAST_THREADS_SHARE ?? 0.25)

/** Those of an op's cases that are looked at, always the same. */
function drawn({ op, cases }: OpDefinition): readonly OpCase[] {
  const all = cases.filter((item) => !item.withoutKernel)
  // The one that shows that differences are found.
  if (op === 'LSTM') return all
  const order = randomStream(0, `cases of ${op}`).permutation(all.length)
  return [...order].slice(0, Math.ceil(share * all.length)).map((at) => itemAt(all, at, 'case'))
}

type Answers = ReadonlyMap<string, Buffer>

/** What a graph gives on each engine, each output as bytes. */
async function answers(builder: GraphBuilder, feeds: ReadonlyMap<string, Tensor>): Promise<Answers[]> {
  const bytes = encodeGraph(builder.finish('case'))
  const found: Answers[] = []
  for (const engine of engines) {
    const executable = await engine.load(bytes)
    const results = await executable.run(feedsFor(executable, new Map(feeds)))
    await executable.dispose()
    found.push(new Map([...results].map(([name, tensor]) => [name, bytesFor(tensor)])))
  }
  return found
}

const bytesFor = (tensor: Tensor): Buffer =>
  Buffer.from(tensor.type === 'string' ? (tensor.data as string[]).join('\0') : bytesOf(tensor))

/** Outputs that are not the same bits on every engine. */
function differing([first, ...others]: readonly Answers[]): string[] {
  return [...(first ?? [])].flatMap(([name, bytes]) =>
    others.every((other) => other.get(name)?.equals(bytes) === true) ? [] : [name],
  )
}

/**
 * Nodes of many ops in one graph, as loading a session for each would cost more than all of them: which ops do not give the
 * same bits on 1, 2 and 4 threads.
 */
async function dependentOps(cases: readonly (readonly [OpDefinition, OpCase])[]): Promise<string[]> {
  const builder = new GraphBuilder()
  const feeds = new Map<string, Tensor>()
  const owners = new Map<string, string>()
  for (const [at, [definition, item]] of cases.entries()) {
    const built = buildCase(definition, item, { builder, prefix: `${at}/` })
    for (const [name, tensor] of built.feeds) feeds.set(name, tensor)
    for (const [place, output] of built.outputs.entries()) {
      owners.set(builder.output(output, `${at}/output${place}`).name, definition.op)
    }
  }
  const found = await answers(builder, feeds)
  expect(found[0]?.size).toBe(owners.size)
  return [...new Set(differing(found).map((name) => required(owners, name, 'output')))]
}

describe('ops that are not listed', () => {
  it('give the same bits on 1, 2 and 4 threads', async () => {
    const cases = [...opTable.values()].flatMap((definition) =>
      drawn(definition).map((item) => [definition, item] as const),
    )
    expect(new Set(cases.map(([{ op }]) => op)).size).toBeGreaterThan(130)
    // The runtime's time goes as the square of the nodes of a graph, and by the number of graphs.
    const found: string[] = []
    for (let at = 0; at < cases.length; at += 400)
      found.push(...(await dependentOps(cases.slice(at, at + 400))))
    expect(found.filter((op) => !threadDependentOps.has(op))).toEqual([])
    expect(found).toContain('LSTM')
  })

  // Only large work is divided between threads.
  it('give the same bits on many numbers where they compute each alone', async () => {
    const dims = [311, 257]
    const cases = [...opTable.values()].flatMap((definition) => {
      const [item] = definition.cases.filter(({ inputs }) => inputs.every(isFree))
      if (!elementwise.has(definition.op) || !item) return []
      const inputs = item.inputs.map((input) => input && { ...input, dims })
      return [[definition, { ...item, inputs }] as const]
    })
    expect(cases.length).toBeGreaterThan(50)
    const found = await dependentOps(cases)
    expect(found.filter((op) => !threadDependentOps.has(op))).toEqual([])
    expect(found).toContain('Log')
  })
})

const elementwise: ReadonlySet<string> = new Set(
  Object.values(elementwiseOps).flatMap((value) =>
    typeof value === 'object' && 'op' in value ? [value.op] : [],
  ),
)

/** An input that may have any dims: floats that are drawn. */
const isFree = (input: OpCase['inputs'][number]): boolean =>
  input !== undefined && !input.values && !input.constant && (input.type ?? 'float32') === 'float32'

type Wide = readonly [op: string, dims: readonly (readonly number[])[], attributes: Attributes]

/** Single ops of float inputs, large enough for the runtime to divide them between threads, in one graph. */
function wideAnswers(cases: readonly Wide[]): Promise<Answers[]> {
  const builder = new GraphBuilder()
  const feeds = new Map<string, Tensor>()
  for (const [at, [op, dims, attributes]] of cases.entries()) {
    const inputs = dims.map((each, index) => {
      const tensor = float32(each)
      randomStream(1, `${op} ${index}`).fillUniform(tensor.data, 0.1, 1)
      feeds.set(`${at}/${index}`, tensor)
      return builder.input(`${at}/${index}`, tensor)
    })
    builder.output(builder.op(op, inputs, attributes), wideName(cases[at]))
  }
  return answers(builder, feeds)
}

const wideName = (item: Wide | undefined): string => JSON.stringify(item)

describe('ops on many numbers', () => {
  const images = [8, 32, 32, 32]
  const wide = [
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
    ['Softmax', [[311, 257]], {}],
    ['LogSoftmax', [[311, 257]], {}],
    ['LayerNormalization', [[311, 257], [257], [257]], {}],
    ['InstanceNormalization', [[7, 31, 33, 33], [31], [31]], {}],
    ['BatchNormalization', [[7, 31, 33, 33], [31], [31], [31], [31]], {}],
    [
      'Conv',
      [
        [7, 31, 33, 33],
        [63, 31, 3, 3],
      ],
      {},
    ],
    ['AveragePool', [[7, 31, 33, 33]], { kernel_shape: [3, 3] }],
    ['GlobalAveragePool', [[7, 31, 33, 33]], {}],
    ['ReduceMax', [[311, 257]], { keepdims: 0 }],
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
  ] as const satisfies readonly Wide[]

  it('give the same bits on 1, 2 and 4 threads', async () => {
    const found = await wideAnswers(wide)
    expect(found.map((outputs) => outputs.size)).toEqual(engines.map(() => wide.length))
    expect(differing(found)).toEqual([])
  })

  it.each([
    ['MatMul', {}],
    ['Gemm', {}],
  ])('%s with few columns a thread may differ in last bits and no further', async (op, attributes) => {
    const dims = [
      [64, 784],
      [784, 100],
    ]
    const item: Wide = [op, dims, attributes]
    const found = await wideAnswers([item])
    expect(threadDependentOps.has(op)).toBe(true)
    const [one, ...others] = found.map(
      (outputs) => new Float32Array(new Uint8Array(required(outputs, wideName(item), 'output')).buffer),
    )
    for (const other of others) {
      other.forEach((value, at) => {
        expect(Math.abs(value - (one?.[at] ?? Number.NaN))).toBeLessThan(1e-5 * Math.abs(value))
      })
    }
  })
})

describe('steps and Fisher of a run', () => {
  const tokens = { classes: 4, width: 16 * 32, dims: [16, 32], perClass: 64 }
  const models: readonly (readonly [string, Parameters<typeof toyStream>[1], () => Model])[] = [
    ['an mlp', { classes: 4, width: 784, perClass: 64 }, () => mlp({ widths: [784, 96, 4] })],
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
          classes: 4,
        }),
    ],
  ]
  /** Parameters and buffers as a run with EWC leaves them, on 1 thread and on 4. */
  async function endsOf(
    data: Parameters<typeof toyStream>[1],
    modelOf: () => Model,
    options: Partial<Parameters<typeof toyOptions>[0]>,
  ): Promise<Map<string, Tensor>[]> {
    const stream = toyStream('class', data)
    const ends: Map<string, Tensor>[] = []
    for (const engine of furthest) {
      // The Fisher of a task is on as many rows as one pass has.
      const method = ewc({ lambda: 10, samples: 128 })
      const { result } = await runToEnd(
        toyOptions({ stream, model: modelOf(), engine, method, iterations: 3, ...options }),
      )
      ends.push(new Map([...result.parameters, ...result.buffers]))
    }
    return ends
  }

  it.each(models)('of %s end in the same bits', async (_, data, modelOf) => {
    const ends = await endsOf(data, modelOf, {
      settings: { optimiser: adam() },
      learningRate: 0.001,
      batchSize: 128,
    })
    expect(new Set(ends.map(bitsOf)).size).toBe(1)
  })

  // The gradient of a convolution's weights is a product with few columns a thread.
  it('of a convolutional network differ in last bits and no further', async () => {
    const data = { classes: 2, width: 3 * 8 * 8, dims: [3, 8, 8], perClass: 32 }
    const modelOf = () => plainCnn({ channels: [8, 8, 8, 8, 8], inputDims: [3, 8, 8], classes: 2 })
    const [one, ...others] = await endsOf(data, modelOf, { learningRate: 0.01, batchSize: 32 })
    if (!one) throw new Error('no run')
    for (const other of others) {
      for (const [name, tensor] of one) {
        const values = toNumbers(required(other, name, 'parameter'))
        for (const [at, value] of toNumbers(tensor).entries()) expect(values[at]).toBeCloseTo(value, 5)
      }
    }
  })

  it('are the same each time on one number of threads, whatever the products', async () => {
    const stream = toyStream('class', { classes: 4, width: 784, perClass: 32 })
    const run = async () => {
      const { result } = await runToEnd(
        toyOptions({
          stream,
          model: mlp({ widths: [784, 100, 4] }),
          engine: itemAt(furthest, 1, 'engine'),
          method: ewc({ lambda: 10, samples: 100 }),
          batchSize: 32,
          iterations: 3,
        }),
      )
      return bitsOf(result.parameters)
    }
    expect(await run()).toBe(await run())
  })
})
