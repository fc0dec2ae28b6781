import { describe, expect, it } from 'vitest'
import { ortNode } from '../engine/ort-node.ts'
import { encodeGraph } from '../onnx/encode.ts'
import { type Attributes, float, floats, type Graph, type Node, strings, tensor } from '../onnx/graph.ts'
import type { Value } from '../ops/core/define.ts'
import { float32, int64, type Tensor, toNumbers } from '../tensor/tensor.ts'
import { GraphBuilder } from './builder.ts'
import { type SpecialiseOptions, specialise } from './specialise.ts'

const engine = ortNode({ threads: 1 })

let unnamed = 0
const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
): Node => ({ op, domain: '', name: `${op.toLowerCase()}${unnamed++}`, inputs, outputs, attributes })

const graphOf = (
  nodes: readonly Node[],
  initializers: Readonly<Record<string, Tensor>> = {},
  dims: readonly (number | string)[] = ['N', 3],
): Graph => ({
  name: 'g',
  inputs: [{ name: 'x', type: 'float32', dims }],
  outputs: [{ name: 'y', type: 'float32', dims: undefined }],
  initializers: new Map(Object.entries(initializers)),
  nodes,
})

/** Specialises with x fed, runs, and gives the outputs and buffers by name. */
async function run(
  graph: Graph,
  x: Tensor,
  settings: {
    opset?: number
    bound?: Readonly<Record<string, Tensor>>
    options?: Omit<SpecialiseOptions, 'dropoutSeed'>
    dropoutSeed?: number
  } = {},
): Promise<{ outputs: Map<string, Tensor>; graph: Graph }> {
  const { opset = 21, bound = {}, options = {}, dropoutSeed } = settings
  const builder = new GraphBuilder()
  const feeds = new Map<string, Tensor>([['x', x]])
  const bindings = new Map<string, Value>([['x', builder.input('x', x)]])
  for (const [name, value] of Object.entries(bound)) bindings.set(name, builder.parameter(name, value))
  let seed: Value | undefined
  if (dropoutSeed !== undefined) {
    const value = int64([], [dropoutSeed])
    seed = builder.input('seed', value)
    feeds.set('seed', value)
  }
  const result = specialise(builder, graph, { '': opset }, bindings, {
    ...options,
    ...(seed ? { dropoutSeed: seed } : {}),
  })
  for (const [name, value] of [...result.outputs, ...result.buffers]) builder.output(value, `out/${name}`)
  const built = builder.finish('specialised')
  const executable = await engine.load(encodeGraph(built))
  const used = new Map([...feeds].filter(([name]) => executable.inputs.includes(name)))
  const outputs = await executable.run(used)
  await executable.dispose()
  return {
    outputs: new Map([...outputs].map(([name, value]) => [name.replace('out/', ''), value])),
    graph: built,
  }
}

const values = async (...args: Parameters<typeof run>): Promise<number[]> => {
  const { outputs } = await run(...args)
  const y = outputs.get('y')
  return y ? toNumbers(y) : []
}

const x = float32([2, 3], [1, -2, 3, -4, 5, -6])
const fail = (graph: Graph, bound: readonly string[] = ['x'], options: SpecialiseOptions = {}): unknown => {
  const builder = new GraphBuilder()
  try {
    specialise(
      builder,
      graph,
      { '': 21 },
      new Map(bound.map((name) => [name, builder.input(name, x)])),
      options,
    )
  } catch (error) {
    return error
  }
  return undefined
}

describe('specialise', () => {
  it('computes what the graph computes, with initialisers as constants', async () => {
    const graph = graphOf([node('Add', ['x', 'b'], ['s']), node('Relu', ['s'], ['y'])], {
      b: float32([3], [1, 1, 1]),
    })
    expect(await values(graph, x)).toEqual([2, 0, 4, 0, 6, 0])
  })

  it('takes a bound value in place of an initialiser or of a value inside', async () => {
    const graph = graphOf([node('Add', ['x', 'b'], ['s']), node('Relu', ['s'], ['y'])], { b: float32([3]) })
    expect(await values(graph, x, { bound: { b: float32([3], [10, 10, 10]) } })).toEqual([
      11, 8, 13, 6, 15, 4,
    ])
    expect(await values(graph, x, { bound: { s: float32([2], [-1, 1]) } })).toEqual([0, 1])
  })

  it('reads every kind of Constant', async () => {
    const kinds: Attributes = {
      value: tensor(float32([], [2])),
      value_float: float(2),
      value_floats: floats([2]),
    }
    for (const [name, value] of Object.entries(kinds)) {
      const graph = graphOf([node('Constant', [], ['c'], { [name]: value }), node('Mul', ['x', 'c'], ['y'])])
      expect(await values(graph, x)).toEqual([2, -4, 6, -8, 10, -12])
    }
    for (const attributes of [{ value_ints: [0, -1] }, { value: tensor(int64([2], [0, -1])) }]) {
      const graph = graphOf([
        node('Constant', [], ['c'], attributes),
        node('Neg', ['x'], ['n']),
        node('Reshape', ['n', 'c'], ['y']),
      ])
      expect(await values(graph, x)).toEqual([-1, 2, -3, 4, -5, 6])
    }
    const builder = new GraphBuilder()
    const kind = (attributes: Attributes) =>
      specialise(
        builder,
        graphOf([node('Constant', [], ['y'], attributes)]),
        {},
        new Map([['x', builder.input('x', x)]]),
      ).outputs.get('y')?.constant
    expect(kind({ value_int: 3 })).toEqual(int64([], [3]))
    expect(kind({ value_string: 'a' })).toEqual({ type: 'string', dims: [], data: ['a'] })
    expect(kind({ value_strings: strings(['a', 'b']) })).toEqual({
      type: 'string',
      dims: [2],
      data: ['a', 'b'],
    })
    expect(() => kind({})).toThrow(expect.objectContaining({ code: 'constant-value' }))
  })

  it('brings nodes of older opsets to the canonical one', async () => {
    const graph = graphOf([node('ReduceSum', ['x'], ['y'], { axes: [1], keepdims: 0 })])
    expect(await values(graph, x, { opset: 11 })).toEqual([2, -5])
  })

  it('reads casts of opset 24 that say how 8-bit floats are rounded', async () => {
    const graph = graphOf([node('Cast', ['x'], ['y'], { to: 1, round_mode: 'nearest' })])
    expect(await values(graph, x, { opset: 24 })).toEqual(toNumbers(x))
  })

  it('takes all axes from one on as the one they were before opset 13', async () => {
    const graph = graphOf([node('Hardmax', ['x'], ['y'])], {}, ['N', 3, 2])
    const images = float32([2, 3, 2], [1, 2, 9, 4, 5, 6, 7, 1, 2, 3, 4, 8])
    expect(await values(graph, images, { opset: 12 })).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    expect(await values(graph, images)).toEqual([0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1])
  })

  it('leaves out what no output needs, unknown ops among it', async () => {
    const graph = graphOf([node('Relu', ['x'], ['y']), node('Nonsense', ['x', 'missing'], ['z'])])
    expect(await values(graph, x)).toEqual([1, 0, 3, 0, 5, 0])
  })

  it('computes values inside the graph when asked', async () => {
    const graph = graphOf([node('Neg', ['x'], ['hidden']), node('Relu', ['hidden'], ['y'])])
    const { outputs } = await run(graph, x, { options: { outputs: ['hidden'] } })
    expect([...outputs.keys()]).toEqual(['hidden'])
    expect(toNumbers(outputs.get('hidden') ?? x)).toEqual([-1, 2, -3, 4, -5, 6])
  })

  it('expands fused ops, and names an output that the expansion does not give', async () => {
    const fused = (outputs: string[]): Node => ({
      ...node('SkipLayerNormalization', ['x', 'x', 'w'], outputs),
      domain: 'com.microsoft',
    })
    const weights = { w: float32([3], [1, 1, 1]) }
    const { graph } = await run(graphOf([fused(['y'])], weights), x)
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Add', 'LayerNormalization'])
    const error = fail(graphOf([fused(['z', 'mean']), node('Neg', ['mean'], ['y'])], weights))
    expect(error).toMatchObject({
      code: 'output-missing',
      message: expect.stringMatching(/SkipLayerNormalization.*"mean"/),
    })
  })

  it.each([6, 27])('refuses operator set %i, which is out of range', (opset) => {
    const graph = graphOf([node('Relu', ['x'], ['y'])])
    const builder = new GraphBuilder()
    const bindings = new Map([['x', builder.input('x', x)]])
    expect(() => specialise(builder, graph, { '': opset }, bindings)).toThrow(
      expect.objectContaining({
        code: 'opset-range',
        message: expect.stringMatching(`set ${opset}; .* 7 to 26`),
      }),
    )
  })

  it('emits nothing for a reshape to the same dims', async () => {
    const nodes = [node('Reshape', ['x', 'shape'], ['r']), node('Relu', ['r'], ['y'])]
    const { graph } = await run(graphOf(nodes, { shape: int64([2], [0, -1]) }), x)
    expect(graph.nodes.map(({ op }) => op)).toEqual(['Relu'])
  })

  it('takes images where a flat sample of as many elements is declared', async () => {
    const nodes = [node('Reshape', ['x', 'shape'], ['r']), node('Relu', ['r'], ['y'])]
    const images = float32([1, 3, 1], [-1, 0, 1])
    const { outputs } = await run(graphOf(nodes, { shape: int64([2], [0, -1]) }), images)
    expect(outputs.get('y')?.dims).toEqual([1, 3])
  })

  it.each([
    ['an unbound input', graphOf([node('Relu', ['x'], ['y'])]), [], 'binding-missing', /"x"/],
    ['an unbound parameter', graphOf([node('Add', ['x', 'w'], ['y'])]), ['x'], 'binding-missing', /"w".*add/],
    ['an output nobody computes', graphOf([]), ['x'], 'binding-missing', /"y"/],
    [
      'samples of another size',
      graphOf([node('Relu', ['x'], ['y'])], {}, ['N', 4]),
      ['x'],
      'binding-mismatch',
      /N,4.*2,3/,
    ],
    ['an unknown op', graphOf([node('Nonsense', ['x'], ['y'])]), ['x'], 'unknown-op', /Nonsense "nonsense/],
    [
      'an op that draws numbers',
      graphOf([node('RandomNormalLike', ['x'], ['y'])]),
      ['x'],
      'unknown-op',
      /RandomNormalLike.*draws random numbers/,
    ],
    [
      'a quantised op',
      graphOf([{ ...node('QLinearAdd', ['x'], ['y']), domain: 'com.microsoft' }]),
      ['x'],
      'foreign-domain',
      /QLinearAdd.*small integers/,
    ],
    [
      'a foreign op',
      graphOf([{ ...node('BeamSearch', ['x'], ['y']), domain: 'com.microsoft' }]),
      ['x'],
      'foreign-domain',
      /BeamSearch "beamsearch.*com\.microsoft/,
    ],
  ])('names what is wrong: %s', (_, graph, bound, code, message) => {
    const error = fail(graph, bound)
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
  })
})

describe('batch normalisation', () => {
  const statistics = {
    scale: float32([2], [1, 2]),
    bias: float32([2], [0, 1]),
    mean: float32([2], [1, 1]),
    var: float32([2], [4, 4]),
  }
  const images = float32([2, 2, 1, 2], [1, 3, 0, 2, 5, 7, 4, 2])
  const nodes = (attributes: Attributes, outputs = ['y']): Graph =>
    graphOf(
      [
        node('Identity', ['mean'], ['alias']),
        node('BatchNormalization', ['x', 'scale', 'bias', 'alias', 'var'], outputs, attributes),
      ],
      statistics,
      ['N', 2, 1, 2],
    )

  it('goes by the running statistics at inference, whatever mode the file is in', async () => {
    const attributes = { epsilon: float(0), training_mode: 1 }
    const y = await values(nodes(attributes, ['y', 'm', 'v']), images)
    expect(y).toEqual([0, 1, 0, 2, 2, 3, 4, 2])
  })

  it('goes by the batch in training and gives the statistics after it as PyTorch does', async () => {
    const { outputs } = await run(nodes({ epsilon: float(0), momentum: float(0.75) }), images, {
      options: { training: true },
    })
    const y = toNumbers(outputs.get('y') ?? x)
    // Channel 0 holds 1, 3, 5, 7: mean 4, biased variance 5, unbiased 20 / 3.
    expect(y[0]).toBeCloseTo(-3 / Math.sqrt(5), 5)
    expect(outputs.get('mean')?.data[0]).toBeCloseTo(0.75 * 1 + 0.25 * 4, 5)
    expect(outputs.get('var')?.data[0]).toBeCloseTo(0.75 * 4 + (0.25 * 20) / 3, 5)
    expect([...outputs.keys()].sort()).toEqual(['mean', 'var', 'y'])
  })

  it('goes by the running statistics in training, too, where it is told to', async () => {
    const { outputs } = await run(nodes({ epsilon: float(0) }), images, {
      options: { training: true, batchNorm: 'fixed' },
    })
    expect(toNumbers(outputs.get('y') ?? x)).toEqual([0, 1, 0, 2, 2, 3, 4, 2])
    expect([...outputs.keys()]).toEqual(['y'])
  })

  it('refuses a batch that has no variance', () => {
    const graph = graphOf(
      [node('BatchNormalization', ['x', 'scale', 'bias', 'mean', 'var'], ['y'])],
      statistics,
      ['N', 2],
    )
    const builder = new GraphBuilder()
    const one = builder.input('x', { type: 'float32', dims: [1, 2] })
    expect(() => specialise(builder, graph, {}, new Map([['x', one]]), { training: true })).toThrow(
      expect.objectContaining({ code: 'batch-too-small' }),
    )
  })
})

describe('dropout', () => {
  const many = float32([64, 3], new Float32Array(192).fill(1))
  const twice = graphOf([
    node('Constant', [], ['ratio'], { value: tensor(float32([], [0.5])) }),
    node('Constant', [], ['mode'], { value: tensor({ type: 'bool', dims: [], data: Uint8Array.of(1) }) }),
    node('Dropout', ['x', 'ratio', 'mode'], ['a']),
    node('Dropout', ['x', 'ratio', 'mode'], ['b']),
    node('Add', ['a', 'b'], ['y']),
  ])

  it('passes all on at inference, whatever mode the file is in', async () => {
    expect(new Set(await values(twice, many))).toEqual(new Set([2]))
  })

  it('drops by the seed in training, and by another mask at every node', async () => {
    const training = (dropoutSeed: number) =>
      values(twice, many, { options: { training: true }, dropoutSeed })
    const first = await training(1)
    expect(await training(1)).toEqual(first)
    expect(await training(2)).not.toEqual(first)
    // Two independent masks of 0 and 2: their sum is 0, 2 or 4. One mask used twice would give no 2.
    expect(new Set(first)).toEqual(new Set([0, 2, 4]))
  })

  it('reads the ratio of older opsets and needs no seed for a ratio of 0', async () => {
    const old = graphOf([node('Dropout', ['x'], ['y'], { ratio: float(0) })])
    expect(await values(old, x, { opset: 9, options: { training: true } })).toEqual(toNumbers(x))
  })

  it('asks for a seed when it is to drop', () => {
    expect(fail(twice, ['x'], { training: true })).toMatchObject({ code: 'dropout-seed' })
  })
})
