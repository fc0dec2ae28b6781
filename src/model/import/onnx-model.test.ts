import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { encodeGraph } from '../../onnx/encode.ts'
import { type Attributes, float, type Graph, type Node } from '../../onnx/graph.ts'
import { decodeModel } from '../../onnx/read.ts'
import { float32, int64, type Tensor } from '../../tensor/tensor.ts'
import { simpleModel } from '../layers/networks.ts'
import { modelFromOnnx, modelToOnnx, withParameters } from './onnx-model.ts'

const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Attributes = {},
): Node => ({
  op,
  domain: '',
  name: '',
  inputs,
  outputs,
  attributes,
})

function encoded(parts: {
  readonly nodes: readonly Node[]
  readonly outputs: readonly string[]
  readonly initializers?: Readonly<Record<string, Tensor>>
  readonly inputs?: readonly string[]
}): Uint8Array {
  const info = (name: string) => ({ name, type: 'float32' as const, dims: ['N', 3] })
  const graph: Graph = {
    name: 'g',
    inputs: (parts.inputs ?? ['x']).map(info),
    outputs: parts.outputs.map(info),
    initializers: new Map(Object.entries(parts.initializers ?? {})),
    nodes: parts.nodes,
  }
  return encodeGraph(graph)
}

const weights = { w: float32([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]) }
const linear = node('MatMul', ['x', 'w'], ['z'])

describe('the logits of a file', () => {
  it.each(['Softmax', 'LogSoftmax'])('are what a last %s is taken of', (op) => {
    const bytes = encoded({ nodes: [linear, node(op, ['z'], ['p'])], outputs: ['p'], initializers: weights })
    expect(modelFromOnnx(bytes)).toMatchObject({ output: 'z', classes: ['0', '1', '2'] })
  })

  it('are the output of that name among several, or the one asked for', () => {
    const nodes = [linear, node('Relu', ['z'], ['features']), node('Neg', ['features'], ['logits'])]
    const bytes = encoded({ nodes, outputs: ['features', 'logits'], initializers: weights })
    expect(modelFromOnnx(bytes).output).toBe('logits')
    expect(modelFromOnnx(bytes, { output: 'z' }).output).toBe('z')
  })

  it('have to be named where they cannot be told', () => {
    const bytes = encoded({
      nodes: [linear, node('Relu', ['z'], ['a'])],
      outputs: ['z', 'a'],
      initializers: weights,
    })
    const refused = { code: 'model-output', message: expect.stringMatching(/m\.onnx.*"z", "a"/) }
    expect(() => modelFromOnnx(bytes, { name: 'm.onnx' })).toThrow(expect.objectContaining(refused))
    expect(() => modelFromOnnx(bytes, { name: 'm.onnx', output: 'b' })).toThrow(
      expect.objectContaining(refused),
    )
  })

  it('belong to a model with an input', () => {
    const bytes = encoded({ nodes: [node('Add', ['w', 'w'], ['z'])], inputs: [], outputs: ['z'] })
    expect(() => modelFromOnnx(bytes)).toThrow(expect.objectContaining({ code: 'model-inputs' }))
  })
})

describe('the initialisers of a file', () => {
  const statistics = { scale: float32([3]), bias: float32([3]), mean: float32([3]), var: float32([3]) }
  it('are told apart by what they are for', () => {
    const nodes = [
      node('Identity', ['mean'], ['shared mean']),
      node('Gemm', ['x', 'w', 'one bias'], ['a']),
      node('BatchNormalization', ['a', 'scale', 'bias', 'shared mean', 'var'], ['b']),
      node('Div', ['b', 'root'], ['c']),
      node('Add', ['c', 'attention mask'], ['d']),
      node('Pow', ['d', 'exponents'], ['e']),
      node('Reshape', ['e', 'shape'], ['f']),
      node('Clip', ['f', 'low'], ['z']),
    ]
    const initializers = {
      ...weights,
      ...statistics,
      'one bias': float32([1], [0]),
      root: float32([], [1.4]),
      'attention mask': float32([3], [0, -3.4028234e38, Number.NEGATIVE_INFINITY]),
      exponents: float32([3], [2, 2, 2]),
      shape: int64([2], [0, -1]),
      low: float32([], [0]),
      unused: float32([3]),
    }
    const bytes = encoded({ nodes, outputs: ['z'], initializers })
    const model = modelFromOnnx(bytes, { batchNorm: 'train' })
    expect([...model.parameters.keys()].sort()).toEqual(['bias', 'one bias', 'scale', 'w'])
    expect([...model.buffers.keys()].sort()).toEqual(['shared mean', 'var'])
    const constants = ['attention mask', 'exponents', 'low', 'mean', 'root', 'shape', 'unused']
    expect([...model.graph.initializers.keys()].sort()).toEqual(constants)
    const fixed = modelFromOnnx(bytes)
    expect(fixed.buffers.size).toBe(0)
    expect([...fixed.graph.initializers.keys()].sort()).toEqual([...constants, 'shared mean', 'var'].sort())
  })

  it('are parameters when they are weights anywhere', () => {
    const nodes = [node('Pow', ['x', 'w'], ['a']), node('MatMul', ['a', 'w'], ['z'])]
    const model = modelFromOnnx(encoded({ nodes, outputs: ['z'], initializers: weights }))
    expect([...model.parameters.keys()]).toEqual(['w'])
  })
})

describe('writing', () => {
  it('names the classes in the metadata and leaves the batch free', () => {
    const names = Array.from('abcdefghij')
    const proto = decodeModel(modelToOnnx(simpleModel({ classes: names })))
    expect(proto.producerName).toBe('holdfast')
    expect(proto.metadataProps.map(({ key, value }) => [key, value])).toEqual([
      ['classes', JSON.stringify(names)],
    ])
    expect(modelFromOnnx(proto).classes).toEqual(names)
    expect(modelFromOnnx(proto, { classes: ['other'] }).classes).toEqual(['other'])
    expect(modelFromOnnx(proto).input.dims?.[0]).toBe('N')
  })

  it('changes nothing of a file but the parameters', () => {
    const original = new Uint8Array(
      readFileSync(new URL('../../../test/fixtures/torch/mlp.onnx', import.meta.url)),
    )
    const before = modelFromOnnx(original)
    const bias = float32([4], [1, 2, 3, 4])
    const bytes = withParameters(original, new Map([['4.bias', bias]]))
    const after = modelFromOnnx(bytes)
    expect(after.parameters.get('4.bias')).toEqual(bias)
    expect(bytes.byteLength).toBe(original.byteLength)
    const own = before.parameters.get('4.bias')
    expect(own && withParameters(bytes, new Map([['4.bias', own]]))).toEqual(original)
    expect(() => withParameters(original, new Map([['5.bias', bias]]))).toThrow(
      expect.objectContaining({ code: 'initializer-missing' }),
    )
  })

  it('keeps attributes and constants', () => {
    const nodes = [
      linear,
      node('LeakyRelu', ['z'], ['a'], { alpha: float(0.5) }),
      node('Mul', ['a', 'two'], ['y']),
    ]
    const initializers = { ...weights, two: float32([], [2]) }
    const model = modelFromOnnx(encoded({ nodes, outputs: ['y'], initializers }))
    expect(modelFromOnnx(modelToOnnx(model))).toEqual(model)
  })
})
