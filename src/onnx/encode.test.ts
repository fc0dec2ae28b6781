import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { describe, expect, it } from 'vitest'
import { float32, int64 } from '../tensor/tensor.ts'
import { encodeGraph } from './encode.ts'
import { type Attributes, float, floats, type Graph, graph, type Node, strings, tensor } from './graph.ts'
import { ModelProtoSchema } from './onnx_pb.ts'

const node = (op: string, inputs: string[], outputs: string[], attributes: Attributes = {}): Node => ({
  op,
  domain: '',
  name: '',
  inputs,
  outputs,
  attributes,
})
const value = (name: string, dims: (number | string)[]) => ({ name, type: 'float32' as const, dims })

const affine: Graph = {
  name: 'affine',
  inputs: [value('x', ['batch', 2])],
  outputs: [value('y', ['batch', 3])],
  initializers: new Map([
    ['w', float32([2, 3], [1, 2, 3, 4, 5, 6])],
    ['b', float32([3], [10, 20, 30])],
  ]),
  nodes: [node('Gemm', ['x', 'w', 'b'], ['y'], { alpha: float(2), transB: 0 })],
}

describe('encodeGraph', () => {
  it('writes a model that ONNX Runtime runs', async () => {
    const session = await InferenceSession.create(encodeGraph(affine))
    const { y } = await session.run({ x: new OrtTensor('float32', Float32Array.of(1, 1), [1, 2]) })
    expect(y?.data).toEqual(Float32Array.of(20, 34, 48))
    await session.release()
  })

  it('writes what the protobuf library writes for the same message', () => {
    const bytes = encodeGraph(affine)
    expect(toBinary(ModelProtoSchema, fromBinary(ModelProtoSchema, bytes))).toEqual(bytes)
  })

  it('writes subgraphs with initialisers of their own', async () => {
    const body: Graph = {
      name: 'body',
      inputs: [value('sum', [2]), value('row', [2])],
      outputs: [value('next', [2]), value('seen', [2])],
      initializers: new Map([['one', float32([], [1])]]),
      nodes: [
        node('Add', ['row', 'one'], ['more']),
        node('Add', ['sum', 'more'], ['next']),
        node('Identity', ['next'], ['seen']),
      ],
    }
    const scan: Graph = {
      name: 'scan',
      inputs: [value('rows', [3, 2])],
      outputs: [value('total', [2]), value('each', [3, 2])],
      initializers: new Map([['start', float32([2])]]),
      nodes: [node('Scan', ['start', 'rows'], ['total', 'each'], { num_scan_inputs: 1, body: graph(body) })],
    }
    const session = await InferenceSession.create(encodeGraph(scan))
    const rows = new OrtTensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2])
    const { total, each } = await session.run({ rows })
    expect(total?.data).toEqual(Float32Array.of(12, 15))
    expect(each?.data).toEqual(Float32Array.of(2, 3, 6, 8, 12, 15))
    await session.release()
  })

  it('writes every kind of attribute with its type', () => {
    const attributes: Attributes = {
      axis: -1,
      axes: [0, 2],
      none: [],
      mode: 'größer',
      alpha: float(0.5),
      scales: floats([1, 2.5]),
      keys: strings(['a', 'b']),
      value: tensor(int64([2], [7, -8])),
      end: 2 ** 63,
    }
    const bytes = encodeGraph({ ...affine, nodes: [node('Custom', ['x'], ['y'], attributes)] })
    const written = fromBinary(ModelProtoSchema, bytes).graph?.node[0]?.attribute
    expect(written?.map(({ name, type }) => [name, type])).toEqual([
      ['axis', 2],
      ['axes', 7],
      ['none', 7],
      ['mode', 3],
      ['alpha', 1],
      ['scales', 6],
      ['keys', 8],
      ['value', 4],
      ['end', 2],
    ])
    expect(written?.[0]?.i).toBe(-1n)
    expect(written?.[1]?.ints).toEqual([0n, 2n])
    expect(new TextDecoder().decode(written?.[3]?.s)).toBe('größer')
    expect(written?.[8]?.i).toBe(2n ** 63n - 1n)
  })

  it('names the attribute that no integer can hold', () => {
    const nodes = [node('Elu', ['x'], ['y'], { alpha: 0.5 })]
    expect(() => encodeGraph({ ...affine, nodes })).toThrow(/"alpha" is 0\.5.*float\(0\.5\)/)
  })

  it('imports the operator sets of the nodes, those of subgraphs too', () => {
    const inner: Graph = {
      ...affine,
      nodes: [{ ...node('FusedGemm', ['x'], ['y']), domain: 'com.microsoft' }],
    }
    const outer: Graph = { ...affine, nodes: [node('If', ['x'], ['y'], { then_branch: graph(inner) })] }
    const imports = fromBinary(ModelProtoSchema, encodeGraph(outer)).opsetImport
    expect(imports.map(({ domain, version }) => [domain, version])).toEqual([
      ['', 21n],
      ['com.microsoft', 1n],
    ])
    const foreign: Graph = { ...affine, nodes: [{ ...node('Op', ['x'], ['y']), domain: 'org.example' }] }
    expect(() => encodeGraph(foreign)).toThrow(expect.objectContaining({ code: 'opset-missing' }))
    expect(() => encodeGraph(foreign, { opsets: { 'org.example': 3 } })).not.toThrow()
  })
})
