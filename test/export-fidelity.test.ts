import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { widenHead } from '../src/model/heads/widen.ts'
import { loadModel, saveModel } from '../src/model/import/files.ts'
import { modelFromOnnx, withParameters } from '../src/model/import/onnx-model.ts'
import type { Model } from '../src/model/model.ts'
import { loadModelFile, saveModelFile } from '../src/onnx/files.ts'
import { encodeGraph, type Graph, type Node, tensor } from '../src/onnx/index.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { encodeModel } from '../src/onnx/write.ts'
import { floatsAs } from '../src/tensor/convert.ts'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { float32, int64, type Tensor } from '../src/tensor/tensor.ts'
import { lossAndGradients } from '../src/train/inspect/grad.ts'
import { families, readFamily } from './families.ts'
import { modelDiff } from './model-diff.ts'
import { engine } from './op-cases.ts'

type Batch = ReadonlyMap<string, Tensor>

/** The parameters after one step of gradient descent. */
async function stepped(
  model: Model,
  batch: Batch,
  rate: number,
  loss: Parameters<typeof lossAndGradients>[0]['loss'] = 'cross-entropy',
): Promise<Map<string, Tensor>> {
  const { gradients } = await lossAndGradients({ engine, model, batch, loss })
  return new Map(
    Array.from(gradients, ([name, gradient]) => {
      const before = model.parameters.get(name)?.data as Float32Array
      const data = before.map((value, at) => value - rate * ((gradient.data as Float32Array)[at] ?? 0))
      return [name, float32(gradient.dims, data)]
    }),
  )
}

const w = float32([3, 2], [1.5, -0, 3, -4, 0.5, 6])
const b = float32([2], [0.5, -0.25])
const node = (op: string, inputs: readonly string[], output: string, attributes = {}): Node => ({
  op,
  domain: '',
  name: `/${output}`,
  inputs,
  outputs: [output],
  attributes,
})
const graphOf = (nodes: readonly Node[], initializers: Readonly<Record<string, Tensor>>): Graph => ({
  name: 'main',
  inputs: [
    { name: 'x', type: initializers.w?.type === 'float16' ? 'float16' : 'float32', dims: ['rows', 3] },
  ],
  outputs: [
    { name: 'y', type: initializers.w?.type === 'float16' ? 'float16' : 'float32', dims: ['rows', 2] },
  ],
  initializers: new Map(Object.entries(initializers)),
  nodes,
})
const plain = [node('MatMul', ['x', 'w'], 'z'), node('Add', ['z', 'b'], 'y')]
const rows: Batch = new Map<string, Tensor>([
  ['x', float32([2, 3], [1, 2, 3, -1, 0.5, 2])],
  ['labels', int64([2], [0, 1])],
])
const bytesOf8 = (dims: readonly number[], values: readonly number[]): Tensor => ({
  type: 'int8',
  dims,
  data: Int8Array.from(values),
})

/** The values of a file's initialisers as lists of floats, as old exporters write them. */
function asFloatData(bytes: Uint8Array): Uint8Array {
  const model = decodeModel(bytes)
  for (const initializer of model.graph?.initializer ?? []) {
    const { rawData } = initializer
    if (!rawData) continue
    initializer.floatData = [...new Float32Array(rawData.slice().buffer)]
    initializer.rawData = undefined
  }
  return encodeModel(model)
}

const quantised = (scale: Tensor, zeroPoint: Tensor, attributes = {}): Uint8Array =>
  encodeGraph(
    graphOf([node('DequantizeLinear', ['w8', 'scale', 'zero'], 'w', attributes), ...plain], {
      w8: bytesOf8([3, 2], [100, -128, 127, -40, 5, 60]),
      scale,
      zero: zeroPoint,
      b,
    }),
  )

/** Files, and what of each may differ after a real step. */
const files: readonly [string, Uint8Array, readonly string[]][] = [
  ['float32', encodeGraph(graphOf(plain, { w, b })), ['initializer b: rawData', 'initializer w: rawData']],
  [
    'float_data',
    asFloatData(encodeGraph(graphOf(plain, { w, b }))),
    [
      'initializer b: floatData',
      'initializer b: rawData',
      'initializer w: floatData',
      'initializer w: rawData',
    ],
  ],
  [
    'float16',
    encodeGraph(graphOf(plain, { w: floatsAs(w, 'float16', 'w'), b: floatsAs(b, 'float16', 'b') })),
    ['initializer b: rawData', 'initializer w: rawData'],
  ],
  [
    'bfloat16 behind a Cast',
    encodeGraph(
      graphOf([node('Cast', ['w16'], 'w', { to: 1 }), ...plain], { w16: floatsAs(w, 'bfloat16', 'w'), b }),
    ),
    ['initializer b: rawData', 'initializer w16: rawData'],
  ],
  [
    'Constant nodes',
    encodeGraph(graphOf([node('Constant', [], 'w', { value: tensor(w) }), ...plain], { b })),
    ['initializer b: rawData', 'node /w'],
  ],
  [
    'a Transpose and a Reshape',
    encodeGraph(
      graphOf(
        [node('Transpose', ['t'], 'w', { perm: [1, 0] }), node('Reshape', ['flat', 'shape'], 'b'), ...plain],
        { t: float32([2, 3], w.data), flat: float32([1, 2], b.data), shape: int64([1], [2]) },
      ),
    ),
    ['initializer flat: rawData', 'initializer t: rawData'],
  ],
  [
    'quantised per tensor',
    quantised(float32([], [0.01]), bytesOf8([], [3])),
    ['initializer b: rawData', 'initializer w8: rawData'],
  ],
  [
    'quantised per axis',
    quantised(float32([2], [0.01, 0.004]), bytesOf8([2], [0, -7]), { axis: 1 }),
    ['initializer b: rawData', 'initializer w8: rawData'],
  ],
]

describe.each(files)('a file with weights as %s', (_, bytes, expected) => {
  const model = modelFromOnnx(bytes)

  it('is written back byte for byte after a step of learning rate 0', async () => {
    expect(model.parameters.size).toBe(2)
    const same = await stepped(model, rows, 0)
    expect(Buffer.compare(withParameters(bytes, same), bytes)).toBe(0)
  })

  it('differs in what was trained after a real one', async () => {
    const after = withParameters(bytes, await stepped(model, rows, 0.5))
    // A scale grows only where a value has left the range of its integers.
    const found = modelDiff(bytes, after).filter((line) => line !== 'initializer scale: rawData')
    expect(found.sort()).toEqual(expected)
    expect(modelDiff(bytes, bytes)).toEqual([])
  })
})

describe('tensors that an exporter merged', () => {
  const merged = encodeGraph(
    graphOf(
      [
        node('Identity', ['b'], 'b2'),
        node('Identity', ['w'], 'w2'),
        node('MatMul', ['x', 'w'], 'z'),
        node('Add', ['z', 'b'], 'a'),
        node('MatMul', ['x', 'w2'], 'v'),
        node('Add', ['v', 'b2'], 'c'),
        node('Sub', ['a', 'c'], 'd'),
        node('Mul', ['d', 'a'], 'y'),
      ],
      { w, b: float32([2]) },
    ),
  )

  it('are parameters of their own again where they hold one value, and tied else', () => {
    expect([...modelFromOnnx(merged).parameters.keys()].sort()).toEqual(['b', 'b2', 'w'])
    expect([...modelFromOnnx(merged, { untie: 'all' }).parameters.keys()].sort()).toEqual([
      'b',
      'b2',
      'w',
      'w2',
    ])
    expect([...modelFromOnnx(merged, { untie: 'none' }).parameters.keys()].sort()).toEqual(['b', 'w'])
  })

  it('stay merged in the file as long as they stay equal', async () => {
    const model = modelFromOnnx(merged)
    expect(Buffer.compare(withParameters(merged, await stepped(model, rows, 0)), merged)).toBe(0)
    const after = withParameters(merged, await stepped(model, rows, 0.1))
    expect(
      modelDiff(merged, after)
        .filter((line) => !line.endsWith(': rawData'))
        .sort(),
    ).toEqual(['initializer b2: new', 'node /b2: gone'])
    expect([...modelFromOnnx(after).parameters.keys()].sort()).toEqual(['b', 'b2', 'w'])
  })
})

describe('weights of 16 bits', () => {
  it('that outgrow their type are refused by name', () => {
    const bytes = encodeGraph(
      graphOf(plain, { w: floatsAs(w, 'float16', 'w'), b: floatsAs(b, 'float16', 'b') }),
    )
    const large = new Map([['b', float32([2], [0, 70_000])]])
    expect(() => withParameters(bytes, large)).toThrow(
      expect.objectContaining({ code: 'tensor-overflow', message: expect.stringContaining('"b"') }),
    )
  })
})

describe('weights in a file beside the model', () => {
  it('are written back byte for byte, and with a real step into that file only', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-fidelity-'))
    const [from, to] = [join(folder, 'model.onnx'), join(folder, 'out', 'model.onnx')]
    await mkdir(join(folder, 'out'))
    await saveModelFile(from, encodeGraph(graphOf(plain, { w, b })), { externalData: 0 })
    const { model, file } = await loadModel(from)
    await saveModel(to, file, await stepped(model, rows, 0))
    for (const end of ['', '_data']) expect(await readFile(to + end)).toEqual(await readFile(from + end))
    const after = await stepped(model, rows, 0.5)
    await saveModel(to, file, after)
    expect(await readFile(to)).toEqual(await readFile(from))
    expect((await loadModel(to)).model.parameters).toEqual(after)
    await rm(folder, { recursive: true })
  })
})

const torch = [
  'mlp',
  'conv',
  'layernorm',
  'embedding',
  'batchnorm-eval',
  'encoder-batch-first',
  'lstm',
  'gru',
]
const fixtures: readonly [
  string,
  () => { bytes: Uint8Array; model: Model; batch: Batch; loss: 'cross-entropy' },
][] = torch.map((name) => [
  `PyTorch's ${name}`,
  () => {
    const bytes = new Uint8Array(readFileSync(`test/fixtures/torch/${name}.onnx`))
    const { tensors } = readSafetensors(readFileSync(`test/fixtures/torch/${name}.safetensors`))
    const model = modelFromOnnx(bytes)
    const batch = new Map([
      [model.input.name, tensors.get('input/x') as Tensor],
      ['labels', tensors.get('input/labels') as Tensor],
    ])
    return { bytes, model, batch, loss: 'cross-entropy' }
  },
])

const some = ['bert', 'gpt2', 'llama', 'resnet-basic', 'keras', 'sklearn-classifier']
const exported = families.filter(({ name }) => some.includes(name))

describe.each([
  ...fixtures,
  ...exported.map((family) => [family.name, () => ({ ...readFamily(family), loss: family.loss })] as const),
])('%s', (_, read) => {
  it('comes back the same from a step of 0, and else with other values of its initialisers', async () => {
    const { bytes, model, batch, loss } = read()
    const same = await stepped(model, batch, 0, loss)
    expect(Buffer.compare(withParameters(bytes, same), bytes)).toBe(0)
    const found = modelDiff(bytes, withParameters(bytes, await stepped(model, batch, 0.1, loss)))
    expect(found.length).toBeGreaterThan(0)
    const allowed = /^(initializer .*: (rawData|floatData|new)|node .*)$/
    expect(found.filter((line) => !allowed.test(line))).toEqual([])
  })
})

describe('a widened head', () => {
  it('changes the dims of what it leads to and the labels, and keeps symbolic dims', async () => {
    const family = families.find(({ name }) => name === 'bert')
    if (!family) throw new Error('The fixture is missing.')
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-fidelity-'))
    const path = join(folder, 'wider.onnx')
    const file = await loadModelFile(`test/fixtures/families/${family.name}.onnx`)
    const model = modelFromOnnx(file.model)
    const wider = widenHead(model, { classes: ['new'] })
    await saveModel(path, file, wider.parameters, { model: wider })
    const written = new Uint8Array(await readFile(path))
    expect(modelDiff(file.bytes, written).sort()).toMatchInlineSnapshot(`
      [
        "initializer classifier.bias: dims",
        "initializer classifier.bias: rawData",
        "initializer classifier.weight: dims",
        "initializer classifier.weight: rawData",
        "metadataProps classes",
        "output logits",
      ]
    `)
    const { outputs, inputs } = modelFromOnnx(written).graph
    expect(outputs.map(({ dims }) => dims)).toEqual([['batch', 6]])
    expect(inputs).toEqual(model.graph.inputs)
    await rm(folder, { recursive: true })
  })
})
