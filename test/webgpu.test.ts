import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { scan } from '../src/autodiff/scan.ts'
import { createDataset, type Dataset } from '../src/data/dataset.ts'
import type { Engine } from '../src/engine/index.ts'
import { loadProgram } from '../src/engine/index.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { createEvaluator } from '../src/evaluate/evaluate.ts'
import { fisherDiagonal } from '../src/methods/fisher/index.ts'
import { emptyState, type TaskContext } from '../src/methods/method.ts'
import { none } from '../src/methods/none.ts'
import {
  conv2d,
  dropout,
  embedding,
  flatten,
  linear,
  maxPool2d,
  network,
  relu,
  sequential,
  tokenMean,
  transformerEncoder,
} from '../src/model/index.ts'
import type { Model } from '../src/model/model.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import { float as floatAttribute } from '../src/onnx/graph.ts'
import { add, ints, mul, scalar, type Value } from '../src/ops/core/index.ts'
import { required } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, int64, type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { openTask, stateAtStart } from '../src/train/run/index.ts'
import { adam, type StepSettings, sgd } from '../src/train/step/index.ts'
import { hasSoftwareVulkan } from './software-vulkan.ts'

if (!hasSoftwareVulkan)
  console.warn('Steps on WebGPU are not tested: there is no SwiftShader (apt-get install chromium).')

const cpu = ortNode({ threads: 1 })
const rows = 12
const labels: Tensor<'int32'> = {
  type: 'int32',
  dims: [rows],
  data: Int32Array.from({ length: rows }, (_, row) => row % 3),
}
const classes = ['a', 'b', 'c']

const dataset = (inputs: Tensor): Dataset =>
  createDataset({ name: 'rows', kind: 'classification', inputs, labels, classes })

function drawn(dims: readonly number[]): Tensor {
  const tensor = float32(dims)
  const random = randomStream(1, 'webgpu')
  for (let at = 0; at < tensor.data.length; at++) tensor.data[at] = random.normal()
  return tensor
}

interface Case {
  readonly name: string
  readonly model: Model
  readonly train: Dataset
}

const cases: readonly Case[] = [
  {
    name: 'an MLP on floats',
    model: network({
      name: 'mlp',
      inputDims: [6],
      classes,
      layer: sequential({ a: linear(6, 8), r: relu(), b: linear(8, 3) }),
    }),
    train: dataset(drawn([rows, 6])),
  },
  {
    name: 'convolutions on bytes',
    model: network({
      ...{ name: 'cnn', inputDims: [1, 6, 6], classes },
      layer: sequential({
        a: conv2d(1, 4, 3, { padding: 1 }),
        r: relu(),
        b: conv2d(4, 4, 3, { stride: 2 }),
        f: flatten(),
        c: linear(16, 3),
      }),
    }),
    train: dataset({
      type: 'uint8',
      dims: [rows, 1, 6, 6],
      data: Uint8Array.from({ length: rows * 36 }, (_, at) => (at * 37) % 256),
    }),
  },
  {
    name: 'dropout',
    model: network({
      ...{ name: 'dropping', inputDims: [6], classes },
      layer: sequential({
        a: linear(6, 40),
        r: relu(),
        d: dropout(0.3),
        b: linear(40, 7),
        e: dropout(0.6),
        c: linear(7, 3),
      }),
    }),
    train: dataset(drawn([rows, 6])),
  },
  {
    name: 'max-pooling',
    model: network({
      ...{ name: 'pooled', inputDims: [2, 7, 7], classes },
      layer: sequential({
        a: conv2d(2, 4, 3, { padding: 1 }),
        p: maxPool2d(3, 2),
        f: flatten(),
        c: linear(36, 3),
      }),
    }),
    train: dataset(drawn([rows, 2, 7, 7])),
  },
  {
    name: 'a transformer',
    model: transformerEncoder({
      ...{ vocabulary: 9, tokens: 5, width: 8, heads: 2, feedForward: 16, layers: 1 },
      classes,
    }),
    train: dataset(
      int64(
        [rows, 5],
        Array.from({ length: rows * 5 }, (_, at) => (at * 5) % 9),
      ),
    ),
  },
  {
    name: 'an LSTM',
    model: network({
      ...{ name: 'lstm', inputDims: [5, 3], classes },
      layer: (writer, x) => {
        const turned = writer.node('Transpose', [x.name], { perm: [1, 0, 2] })
        const weights = [3, 4].map((width) =>
          writer.parameter(`w${width}`, [1, 16, width], 'kaiming-uniform'),
        )
        const all = writer.node('LSTM', [turned, ...weights], { hidden_size: 4 })
        const rowsFirst = writer.node('Transpose', [all], { perm: [2, 0, 1, 3] })
        return sequential({ f: flatten(), c: linear(20, 3) })(writer, {
          name: rowsFirst,
          dims: ['N', 5, 1, 4],
        })
      },
    }),
    train: dataset(drawn([rows, 5, 3])),
  },
  {
    name: 'embeddings of token ids',
    model: network({
      ...{ name: 'words', inputDims: [5], inputType: 'int64', classes },
      layer: sequential({ a: embedding(9, 8), m: tokenMean(), b: linear(8, 3) }),
    }),
    train: dataset(
      int64(
        [rows, 5],
        Array.from({ length: rows * 5 }, (_, at) => (at * 7) % 9),
      ),
    ),
  },
]

/** Losses of a few steps, and the parameters after them. */
async function trained(engine: Engine, { model, train }: Case, settings: StepSettings) {
  const task: TaskContext = {
    ...{
      scenario: 'domain',
      index: 0,
      outputs: 3,
      units: [[0, 1, 2]],
      active: undefined,
      train,
      batchSize: 4,
    },
    seen: () => ({ dataset: train, tasks: new Int32Array(rows) }),
  }
  const run = await openTask(
    { engine, model, method: none(), settings, iterations: 4, learningRate: 0.05, seed: 1 },
    task,
    {
      updates: 0,
      tensors: stateAtStart(model, settings.optimiser, new Map(), new Map()),
      method: emptyState,
      samplers: {},
    },
  )
  const losses: (number | undefined)[] = []
  for (let step = 0; step < 4; step++) losses.push((await run.steps(step, 1)).task)
  const state = await run.snapshot()
  await run.dispose()
  return { losses, parameters: new Map([...state].filter(([name]) => name.startsWith('parameter/'))) }
}

type Trained = Awaited<ReturnType<typeof trained>>

function close(found: Trained, expected: Trained, digits: number): void {
  expected.losses.forEach((loss, step) => {
    expect(found.losses[step]).toBeCloseTo(loss ?? Number.NaN, digits)
  })
  for (const [name, tensor] of expected.parameters) {
    const values = toNumbers(found.parameters.get(name) ?? float32([0]))
    toNumbers(tensor).forEach((value, at) => {
      expect(values[at]).toBeCloseTo(value, digits)
    })
  }
}

describe('a step without a loop', () => {
  it.each(cases)('does what the one in a Scan does: $name', async (each) => {
    const settings = { optimiser: adam() }
    const [here, there] = [
      await trained(cpu, each, settings),
      await trained({ ...cpu, flat: true }, each, settings),
    ]
    // The gradient of max-pooling is another form, which adds up in another order.
    if (each.name === 'max-pooling') close(there, here, 6)
    else expect(there).toEqual(here)
  })
})

const strict = ortNode({ threads: 1, device: 'webgpu' })

describe.runIf(hasSoftwareVulkan)('steps on WebGPU', { timeout: 120_000 }, () => {
  it.each(cases)('run whole on the device, and as on the CPU: $name', async (each) => {
    const settings = { optimiser: each.name.includes('MLP') ? adam() : sgd({ momentum: 0.9 }) }
    const [here, there] = [await trained(cpu, each, settings), await trained(strict, each, settings)]
    close(there, here, 4)
  })

  it.each([
    ['exact', 'an MLP on floats'],
    ['true', 'a transformer'],
    ['sampled', 'convolutions on bytes'],
  ] as const)('give the Fisher that the CPU gives: %s labels, %s', async (labels, name) => {
    const { model, train } = required(new Map(cases.map((each) => [each.name, each])), name, 'case')
    const diagonal = async (engine: Engine) => {
      const random = randomStream(1, 'fisher')
      const given = { engine, model, parameters: model.parameters, dataset: train, labels, random }
      return (await fisherDiagonal(given)).diagonal
    }
    const [here, there] = [await diagonal(cpu), await diagonal(strict)]
    for (const [key, tensor] of here) {
      const found = toNumbers(required(there, key, 'parameter'))
      toNumbers(tensor).forEach((value, at) => {
        expect(Math.abs((found[at] ?? Number.NaN) - value), key).toBeLessThan(1e-4 * Math.max(1, value))
      })
    }
  })

  it('answers as the CPU does', async () => {
    const [{ model, train }] = cases as readonly [Case]
    const state = stateAtStart(model, sgd(), new Map(), new Map())
    const answers = async (engine: Engine) => {
      const evaluator = createEvaluator(engine, model, 3, 5)
      const found = [await evaluator.logits(train, state), await evaluator.predict(train, state)] as const
      await evaluator.dispose()
      return found
    }
    const [[logits, classes], [there, named]] = [await answers(cpu), await answers(strict)]
    toNumbers(there).forEach((value, at) => {
      expect(value).toBeCloseTo(toNumbers(logits)[at] ?? Number.NaN, 4)
    })
    expect(named).toEqual(classes)
  })

  it('leave their state to another graph, and to what is asked after that one is gone', async () => {
    const graph = (factor: number) => {
      const builder = new GraphBuilder()
      const [sum, x] = [builder.input('sum', float32([2])), builder.input('x', float32([2]))]
      builder.output(add(builder, sum, mul(builder, x, scalar(builder, factor, x))), 'next')
      return encodeGraph(builder.finish(`times ${factor}`))
    }
    const slots = [{ input: 'sum', output: 'next' }]
    const program = await loadProgram(strict, graph(1), slots, new Map([['sum', float32([2], [1, 2])]]))
    const other = await program.beside(graph(10))
    const x = new Map([['x', float32([2], [1, 1])]])
    await program.run(x)
    await other.run(x)
    await other.dispose()
    await program.run(x)
    expect(toNumbers((await program.state()).get('sum') ?? float32([0]))).toEqual([13, 14])
    await program.dispose()
  })

  it('are refused where a part would run on the CPU, which is named, and not where that is asked for', async () => {
    const builder = new GraphBuilder()
    const [start, xs] = [builder.input('sum', float32([2])), builder.input('xs', float32([3, 2]))]
    const { state } = scan(builder, [start], [xs], (body, [sum = start], [x = xs]) => ({
      state: [add(body, sum, x)],
      outputs: [],
    }))
    builder.output(state[0] ?? start, 'next')
    const bytes = encodeGraph(builder.finish('sums'))
    const slots = [{ input: 'sum', output: 'next' }]
    const initial = new Map([['sum', float32([2], [1, 2])]])
    await expect(loadProgram(strict, bytes, slots, initial)).rejects.toMatchObject({
      code: 'device-fallback',
      message: expect.stringMatching(/Scan \(1\).*--device webgpu\+cpu/),
    })
    const program = await loadProgram(ortNode({ threads: 1, device: 'webgpu+cpu' }), bytes, slots, initial)
    await program.run(new Map([['xs', float32([3, 2], [1, 1, 1, 1, 1, 1])]]))
    expect(toNumbers((await program.state()).get('sum') ?? float32([0]))).toEqual([4, 5])
    await program.dispose()
  })

  it.each([
    [
      'Slice by steps below -1',
      (b: GraphBuilder, x: Value) => b.op('Slice', [x, ...[[-1], [-9], [1], [-2]].map((n) => ints(b, n))]),
    ],
    [
      'InstanceNormalization with an epsilon other than 1e-5',
      (b: GraphBuilder, x: Value) => {
        const ones = b.constant(float32([4], new Float32Array(4).fill(1)))
        return b.op('InstanceNormalization', [x, ones, ones], { epsilon: floatAttribute(0.5) })
      },
    ],
  ] as const)(
    'are refused where the provider is known to be wrong, with a CPU beside it, too: %s',
    async (what, emit) => {
      const builder = new GraphBuilder()
      builder.output(emit(builder, builder.input('x', float32([2, 4, 5]))), 'y')
      const load = ortNode({ threads: 1, device: 'webgpu+cpu' }).load(encodeGraph(builder.finish('wrong')))
      await expect(load).rejects.toMatchObject({
        code: 'device-fallback',
        message: expect.stringContaining(what),
      })
    },
  )
})
