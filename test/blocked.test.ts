import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { backward } from '../src/autodiff/gradients.ts'
import { channelBlock } from '../src/engine/channel-block-node.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { Attributes, Node } from '../src/onnx/graph.ts'
import { BLOCKED_DOMAIN, type Emitter, ints, type Value } from '../src/ops/core/index.ts'
import { required } from '../src/required.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32, type Tensor } from '../src/tensor/tensor.ts'

const engine = ortNode({ threads: 1 })
const block = await channelBlock()

/** Small whole numbers: every sum of products is exact, so that two forms agree to the bit, and there are ties for maxima and kinks. */
function whole(dims: readonly number[], name: string): Tensor {
  const tensor = float32(dims)
  const random = randomStream(5, name)
  tensor.data.forEach((_, at) => {
    tensor.data[at] = random.integer(5) - 2
  })
  return tensor
}

interface Network {
  /** Dims by name. */
  readonly inputs: Readonly<Record<string, readonly number[]>>
  readonly build: (emit: Emitter, values: ReadonlyMap<string, Value>) => Value
}

/** The network's output, and what its inputs get for a gradient of whole numbers. */
async function answersOf({ inputs, build }: Network, channelBlock: number | undefined) {
  const builder = new GraphBuilder(undefined, { channelBlock })
  const given = new Map(Object.entries(inputs).map(([name, dims]) => [name, whole(dims, name)]))
  const values = new Map([...given].map(([name, tensor]) => [name, builder.input(name, tensor)]))
  const y = build(builder, values)
  const gradient = builder.input('gradient', y)
  const found = backward(builder, [{ of: y, gradient }], [...values.values()])
  builder.output(y, 'y')
  ;[...values.keys()].forEach((name, at) => {
    const value = found[at]
    if (value) builder.output(value, `d${name}`)
  })
  const graph = builder.finish('network')
  const executable = await engine.load(encodeGraph(graph))
  const feeds = new Map([...given, ['gradient', whole(y.dims, 'gradient')]])
  const outputs = await executable.run(feeds as ReadonlyMap<string, Tensor>)
  await executable.dispose()
  const ops = graph.nodes.filter(({ domain }) => domain === BLOCKED_DOMAIN).map(({ op }) => op)
  return { outputs, ops }
}

/** Both forms' outputs are the same; returns the blocked ops of the graph. */
async function compared(network: Network, tolerance = 1e-6): Promise<readonly string[]> {
  const plain = await answersOf(network, undefined)
  const blocked = await answersOf(network, block)
  expect(plain.ops).toEqual([])
  for (const [name, { dims, data }] of plain.outputs) {
    const other = required(blocked.outputs, name, 'output')
    expect(other.dims, name).toEqual(dims)
    expect(furthest(data as Float32Array, other.data as Float32Array), name).toBeLessThan(tolerance)
  }
  return blocked.ops
}

/** The largest difference, against the largest number there is. */
function furthest(a: Float32Array, b: Float32Array): number {
  const most = a.reduce((so, value) => Math.max(so, Math.abs(value)), 1)
  return a.reduce((so, value, at) => Math.max(so, Math.abs(value - (b[at] ?? Number.NaN)) / most), 0)
}

type Values = ReadonlyMap<string, Value>

/** A convolution whose weights and bias are inputs of its name. */
function convolution(
  emit: Emitter,
  values: Values,
  name: string,
  x: Value,
  attributes: Attributes = {},
): Value {
  const w = required(values, `${name}.w`, 'weights')
  const given = { kernel_shape: w.dims.slice(2), ...attributes }
  return emit.op('Conv', [x, w, values.get(`${name}.b`)], given)
}

const input = (values: Values): Value => required(values, 'x', 'input')
const same = { pads: [1, 1, 1, 1] }

describe.skipIf(block === undefined)('convolutions in blocks', () => {
  const layer = fc
    .record({
      samples: fc.constantFrom(1, 2, 4, 16),
      channels: fc.constantFrom(1, 3, 16, 24, 32),
      outputs: fc.constantFrom(5, 16, 32),
      groups: fc.constantFrom(1, 1, 1, 2, 16),
      size: fc.tuple(fc.integer({ min: 6, max: 17 }), fc.integer({ min: 6, max: 17 })),
      kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      strides: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 3 })),
      dilations: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
      pads: fc.tuple(...[0, 1, 2, 3].map(() => fc.integer({ min: 0, max: 2 }))),
      bias: fc.boolean(),
    })
    .filter(({ channels, outputs, groups }) => channels % groups === 0 && outputs % groups === 0)

  it('give what plain ones give, forward and back, whatever their shape', async () => {
    await fc.assert(
      fc.asyncProperty(layer, async ({ samples, channels, outputs, groups, size, kernel, bias, ...rest }) => {
        await compared({
          inputs: {
            x: [samples, channels, ...size],
            'c.w': [outputs, channels / groups, ...kernel],
            ...(bias && { 'c.b': [outputs] }),
          },
          build: (emit, values) => convolution(emit, values, 'c', input(values), { ...rest, group: groups }),
        })
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it.each([
    { name: 'width of a block', dims: [2, 32, 8, 16], more: same },
    { name: 'two blocks wide', dims: [1, 32, 4, 32], more: same },
    { name: 'half a block wide', dims: [4, 32, 9, 8], more: same },
    { name: 'an odd width, a block of samples', dims: [16, 16, 10, 7], more: same },
    { name: 'stride 2', dims: [2, 32, 16, 16], more: { ...same, strides: [2, 2] } },
    { name: 'dilation 2', dims: [2, 32, 12, 16], more: { pads: [2, 2, 2, 2], dilations: [2, 2] } },
    { name: 'a few plain channels', dims: [2, 3, 16, 16], more: same },
  ])('go by blocks both for Y and for dW: $name', async ({ dims, more }) => {
    const ops = await compared({
      inputs: { x: dims, 'c.w': [32, dims[1] ?? 1, 3, 3], 'c.b': [32] },
      build: (emit, values) => convolution(emit, values, 'c', input(values), more),
    })
    // One for Y and at least one for each column of the kernel.
    expect(ops.filter((op) => op === 'Conv').length).toBeGreaterThanOrEqual(4)
  })

  it('multiply the windows of small planes in one product each for dX and dW', async () => {
    const ops = await compared({
      inputs: { x: [16, 32, 3, 3], 'c.w': [32, 32, 3, 3] },
      build: (emit, values) => convolution(emit, values, 'c', input(values), same),
    })
    expect(ops.filter((op) => op === 'Conv')).toHaveLength(2)
  })

  it.each([{ strides: [1, 1] }, { strides: [2, 2] }, { strides: [1, 2], dilations: [2, 1] }])(
    'go by blocks for Y and dX where each channel is a group: $strides',
    async (more) => {
      const ops = await compared({
        inputs: { x: [2, 32, 9, 12], 'c.w': [32, 1, 3, 3], 'c.b': [32] },
        build: (emit, values) =>
          convolution(emit, values, 'c', input(values), { ...same, ...more, group: 32 }),
      })
      expect(ops.filter((op) => op === 'Conv').length).toBe(2)
    },
  )

  it('give the same bits on 1, 2 and 4 threads', async () => {
    const builder = new GraphBuilder(undefined, { channelBlock: block })
    const drawn = (name: string, dims: readonly number[]): Tensor => {
      const tensor = float32(dims)
      randomStream(5, name).fillUniform(tensor.data, -1, 1)
      return tensor
    }
    const given = new Map([
      ['x', drawn('x', [4, 32, 16, 16])],
      ['w', drawn('w', [32, 32, 3, 3])],
    ])
    const [x, w] = [...given].map(([name, tensor]) => builder.input(name, tensor)) as [Value, Value]
    const y = builder.op('Conv', [x, w], { kernel_shape: [3, 3], ...same })
    builder.output(y, 'y')
    const [dx, dw] = backward(builder, [{ of: y, gradient: y }], [x, w])
    for (const value of [dx, dw]) if (value) builder.output(value, 'gradient')
    const bytes = encodeGraph(builder.finish('threads'))
    const answers = []
    for (const threads of [1, 2, 4]) {
      const executable = await ortNode({ threads }).load(bytes)
      answers.push([...(await executable.run(given)).values()].map(({ data }) => [...(data as Float32Array)]))
      await executable.dispose()
    }
    expect(answers[1]).toEqual(answers[0])
    expect(answers[2]).toEqual(answers[0])
  })

  it('leave float64 plain', async () => {
    const type = 'float64'
    const builder = new GraphBuilder(undefined, { channelBlock: block })
    const [x, w] = [
      builder.input('x', { type, dims: [2, 32, 8, 16] }),
      builder.input('w', { type, dims: [32, 32, 3, 3] }),
    ]
    const y = builder.op('Conv', [x, w], { kernel_shape: [3, 3], ...same })
    const found = backward(builder, [{ of: y, gradient: builder.input('gradient', y) }], [x, w])
    for (const value of found) if (value) builder.output(value, 'gradient')
    expect(builder.finish('float64').nodes.map(({ domain }) => domain)).not.toContain(BLOCKED_DOMAIN)
  })

  it('leave groups, odd channels and small planes plain', async () => {
    for (const [channels, outputs, groups, side] of [
      [32, 32, 2, 8],
      [24, 20, 1, 8],
    ] as const) {
      const ops = await compared({
        inputs: { x: [16, channels, side, side], 'c.w': [outputs, channels / groups, 3, 3] },
        build: (emit, values) => convolution(emit, values, 'c', input(values), { ...same, group: groups }),
      })
      expect(ops).toEqual([])
    }
  })
})

describe.skipIf(block === undefined)('values between blocked ops', () => {
  const weights = {
    'a.w': [32, 3, 3, 3],
    'a.b': [32],
    'b.w': [32, 32, 3, 3],
    'b.b': [32],
    'c.w': [16, 32, 1, 1],
  }

  /** Blocked ops of the forward pass alone, those that arrange weights left out. */
  function forwardOps({ inputs, build }: Network): readonly string[] {
    const builder = new GraphBuilder(undefined, { channelBlock: block })
    const values = new Map(
      Object.entries(inputs).map(([name, dims]) => [name, builder.input(name, { type: 'float32', dims })]),
    )
    builder.output(build(builder, values), 'y')
    const { nodes } = builder.finish('forward')
    const made = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node])))
    const ofWeights = (name: string): boolean => {
      const node = made.get(name)
      return node ? node.inputs.slice(0, 1).some(ofWeights) : name.endsWith('.w')
    }
    return nodes.flatMap((node) =>
      node.domain === BLOCKED_DOMAIN && !ofWeights(node.inputs[0] ?? '') ? [told(node)] : [],
    )
  }

  const told = ({ op, attributes: { activation } }: Node): string =>
    typeof activation === 'string' ? `${op} and ${activation}` : op

  const through: Network = {
    inputs: { x: [2, 3, 32, 16], ...weights },
    build: (emit, values) => {
      const a = emit.op('Relu', [convolution(emit, values, 'a', input(values), same)])
      const b = emit.op('Relu', [convolution(emit, values, 'b', a, same)])
      const pooled = emit.op('MaxPool', [b], { kernel_shape: [2, 2], strides: [2, 2] })
      return convolution(emit, values, 'c', pooled)
    },
  }

  it('stay in blocks through activations and pooling, and back', async () => {
    expect(forwardOps(through)).toEqual([
      'Conv and Relu',
      'Conv and Relu',
      'MaxPool',
      'Conv',
      'ReorderOutput',
    ])
    await compared(through)
  })

  it('stay in blocks over a connection around them', async () => {
    const around: Network = {
      inputs: { x: [2, 32, 8, 16], ...weights },
      build: (emit, values) => {
        const b = convolution(emit, values, 'b', input(values), same)
        const sum = emit.op('Relu', [emit.op('Add', [b, input(values)])])
        return convolution(emit, values, 'c', sum)
      },
    }
    expect(forwardOps(around)).toEqual(['ReorderInput', 'Conv', 'Conv', 'ReorderOutput'])
    await compared(around)
  })

  it.each([0, 1])('stay in blocks through batch normalisation, training_mode %i', async (training) => {
    const perChannel = { scale: [32], bias: [32], mean: [32], variance: [32] }
    const normalised: Network = {
      inputs: { x: [2, 32, 8, 16], ...weights, ...perChannel },
      build: (emit, values) => {
        const b = convolution(emit, values, 'b', input(values), same)
        const [scale, bias, mean, variance] = Object.keys(perChannel).map((name) => values.get(name))
        const around = variance && emit.op('Abs', [variance])
        const given = [b, scale, bias, mean, around]
        const [y] = emit.ops('BatchNormalization', given, training ? 3 : 1, { training_mode: training })
        return convolution(emit, values, 'c', emit.op('Relu', [y]))
      },
    }
    const ops = forwardOps(normalised)
    expect(ops.slice(0, 2)).toEqual(['ReorderInput', 'Conv'])
    expect(ops.slice(-2)).toEqual(['Conv', 'ReorderOutput'])
    expect(ops.filter((op) => op.startsWith('Reorder'))).toHaveLength(2)
    await compared(normalised, 2e-4)
  })

  it('stay in blocks through ReLU6 and depthwise convolutions', async () => {
    const light: Network = {
      inputs: { x: [2, 32, 16, 16], ...weights, 'd.w': [32, 1, 3, 3] },
      build: (emit, values) => {
        const [none, six] = [0, 6].map((bound) => emit.constant(float32([], [bound])))
        const clipped = (value: Value) => emit.op('Clip', [value, none, six])
        const b = clipped(convolution(emit, values, 'b', input(values), same))
        const d = clipped(convolution(emit, values, 'd', b, { ...same, group: 32, strides: [2, 2] }))
        return convolution(emit, values, 'b', d, same)
      },
    }
    expect(forwardOps(light)).toEqual(['ReorderInput', 'Conv', 'Conv', 'Conv', 'ReorderOutput'])
    await compared(light)
  })

  it('come out plain where plain ops read them, once', async () => {
    const plain: Network = {
      inputs: { x: [2, 3, 16, 16], ...weights },
      build: (emit, values) => {
        const a = emit.op('Relu', [convolution(emit, values, 'a', input(values), same)])
        const turned = emit.op('Transpose', [a], { perm: [0, 1, 3, 2] })
        const halves = emit.op('Slice', [a, ...[[0], [1], [0]].map((one) => ints(emit, one))])
        return emit.op('Add', [turned, halves])
      },
    }
    expect(forwardOps(plain)).toEqual(['Conv and Relu', 'ReorderOutput'])
    await compared(plain)
  })

  it.each([
    { kernel: [2, 2], strides: [2, 2] },
    { kernel: [1, 3], strides: [1, 3] },
    { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
    { kernel: [3, 2], strides: [1, 2], pads: [1, 0, 1, 0] },
  ])('are pooled with the gradient at the first maximum: $kernel, $strides', async ({ kernel, ...more }) => {
    await compared({
      inputs: { x: [2, 32, 12, 12] },
      build: (emit, values) =>
        emit.op('MaxPool', [emit.op('Relu', [input(values)])], { kernel_shape: kernel, ...more }),
    })
  })
})
