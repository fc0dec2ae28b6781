import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { GraphBuilder, specialise } from '../../autodiff/index.ts'
import { HoldfastError } from '../../errors.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { type Graph, graph as graphAttribute, type Node, tensor } from '../../onnx/graph.ts'
import {
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  SparseTensorProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from '../../onnx/onnx_pb.ts'
import { valueInfoToProto } from '../../onnx/to-proto.ts'
import { float32, int64, type Tensor } from '../../tensor/tensor.ts'
import { findHead } from '../heads/index.ts'
import { modelFromOnnx, withParameters } from './onnx-model.ts'

const node = (op: string, inputs: readonly string[], output: string, domain = ''): Node => ({
  op,
  domain,
  name: `/${output}`,
  inputs,
  outputs: [output],
  attributes: {},
})
const info = (name: string, dims: readonly (number | string)[]) => ({ name, type: 'float32' as const, dims })
const graphOf = (
  nodes: readonly Node[],
  initializers: Readonly<Record<string, Tensor>> = {},
  outputs = [info('y', ['N', 3])],
): Graph => ({
  name: 'main',
  inputs: [info('x', ['N', 4])],
  outputs,
  initializers: new Map(Object.entries(initializers)),
  nodes,
})
const weight = float32([4, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])

/** What reading the file ended in: 'read', or the code of an error of ours. Others are thrown on. */
function ending(bytes: Uint8Array): string {
  try {
    findHead(modelFromOnnx(bytes))
    return 'read'
  } catch (problem) {
    if (problem instanceof HoldfastError) return problem.code
    throw problem
  }
}
const endingOf = (graph: Graph): string => ending(encodeGraph(graph, { opsets: { '': 17, custom: 1 } }))

describe('a model from a stranger', () => {
  it('may not compute a value from itself', () => {
    expect(endingOf(graphOf([node('Relu', ['y'], 'y')]))).toBe('graph-cycle')
    expect(endingOf(graphOf([node('Identity', ['b'], 'y'), node('Identity', ['y'], 'b')]))).toBe(
      'graph-cycle',
    )
    const weights = [node('Identity', ['w2'], 'w1'), node('Identity', ['w1'], 'w2')]
    expect(endingOf(graphOf([...weights, node('MatMul', ['x', 'w1'], 'y')]))).toBe('graph-cycle')
    const body = graphOf([node('Relu', ['y'], 'inner')], {}, [info('inner', [1])])
    const loop = { ...node('Scan', ['x'], 'y'), attributes: { body: graphAttribute(body) } }
    expect(endingOf(graphOf([loop]))).toBe('graph-cycle')
  })

  it('may list its nodes in any order', () => {
    const chain = Array.from({ length: 20_000 }, (_, at) =>
      node('Identity', [at === 0 ? 'x' : `v${at}`], `v${at + 1}`),
    )
    const last = node('MatMul', ['v20000', 'w'], 'y')
    expect(endingOf(graphOf([last, ...chain.reverse()], { w: weight }))).toBe('read')
  })

  it('may move a constant any number of times', () => {
    const held: Node = { ...node('Constant', [], 'v0'), attributes: { value: tensor(weight) } }
    const chain = Array.from({ length: 20_000 }, (_, at) => node('Identity', [`v${at}`], `v${at + 1}`))
    expect(endingOf(graphOf([held, ...chain, node('MatMul', ['x', 'v20000'], 'y')]))).toBe('read')
  })

  it('may not hold functions that call each other without end, or nearly', () => {
    const call = (name: string, output: string) =>
      create(NodeProtoSchema, { opType: name, domain: 'own', input: ['x'], output: [output] })
    const functions = Array.from({ length: 24 }, (_, level) =>
      create(FunctionProtoSchema, {
        name: `f${level}`,
        domain: 'own',
        input: ['x'],
        output: ['b'],
        node:
          level === 0
            ? [create(NodeProtoSchema, { opType: 'Relu', input: ['x'], output: ['b'] })]
            : [call(`f${level - 1}`, 'a'), call(`f${level - 1}`, 'b')],
      }),
    )
    const model = create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [{ domain: '', version: 17n }],
      functions,
      graph: create(GraphProtoSchema, {
        node: [call('f23', 'y')],
        input: [valueInfoToProto(info('x', ['N', 4]))],
        output: [valueInfoToProto(info('y', ['N', 4]))],
      }),
    })
    expect(ending(toBinary(ModelProtoSchema, model))).toBe('function-too-large')
  })

  it.each([10 ** 9, 2 ** 40])('may not declare %s classes', (classes) => {
    expect(endingOf(graphOf([node('Relu', ['x'], 'y')], {}, [info('y', ['N', classes])]))).toBe('output-dims')
  })

  it.each([[2 ** 40], [2 ** 20, 2 ** 20], [2 ** 53, 2]])(
    'may not read inputs of %s by %s numbers',
    (...dims) => {
      const graph = { ...graphOf([node('Relu', ['x'], 'y')]), inputs: [info('x', dims)] }
      expect(endingOf(graph)).toBe('input-dims')
    },
  )

  it.each(['toString', 'constructor', '__proto__', 'hasOwnProperty', 'valueOf'])(
    'may call an op, a domain, an attribute, a tensor and a dim %s',
    (name) => {
      const odd = { ...node(name, ['x', name], 'z', 'custom'), attributes: { [name]: 1 } }
      const graph = graphOf([odd, node('MatMul', ['z', 'w'], 'y')], { [name]: weight, w: weight })
      expect(endingOf({ ...graph, inputs: [info('x', [name, 4])] })).toBe('read')
      expect(endingOf(graphOf([node(name, ['x'], 'y')]))).toBe('read')
      const foreign = graphOf([node('Relu', ['x'], 'z', name), node('MatMul', ['z', 'w'], 'y')], {
        w: weight,
      })
      expect(() => encodeGraph(foreign, {})).toThrow(expect.objectContaining({ code: 'opset-missing' }))
    },
  )

  it('may not have a sparse tensor that is large out of nothing', () => {
    const dims = { dims: [10n ** 10n] }
    const values = create(TensorProtoSchema, { name: 's', dims: [1n], dataType: 1, floatData: [1] })
    const indices = create(TensorProtoSchema, { dims: [1n], dataType: 7, int64Data: [3n] })
    const sparse = create(SparseTensorProtoSchema, { ...dims, values, indices })
    const model = create(ModelProtoSchema, {
      irVersion: 10n,
      opsetImport: [{ domain: '', version: 17n }],
      graph: create(GraphProtoSchema, {
        node: [create(NodeProtoSchema, { opType: 'Add', input: ['x', 's'], output: ['y'] })],
        input: [valueInfoToProto(info('x', ['N', 4]))],
        output: [create(ValueInfoProtoSchema, valueInfoToProto(info('y', ['N', 4])))],
        sparseInitializer: [sparse],
      }),
    })
    expect(ending(toBinary(ModelProtoSchema, model))).toBe('tensor-sparse')
  })

  it('may not nest graphs without bound', () => {
    let body = graphOf([node('Relu', ['x'], 'y')])
    for (let level = 0; level < 200; level++) {
      body = graphOf([{ ...node('If', ['c'], 'y'), attributes: { then_branch: graphAttribute(body) } }])
    }
    expect(endingOf(body)).toBe('model-not-onnx')
  })

  it('may hold metadata that is all digits, or nearly a dictionary', () => {
    const bytes = encodeGraph(graphOf([node('MatMul', ['x', 'w'], 'y')], { w: weight }))
    for (const value of [
      '1'.repeat(400_000),
      `{${'1'.repeat(400_000)}}`,
      `{${"1:'".repeat(100_000)}}`,
      `{0:'${'\\'.repeat(200_000)}}`,
    ]) {
      const metadata = create(ModelProtoSchema, { metadataProps: [{ key: 'names', value }] })
      const whole = new Uint8Array([...bytes, ...toBinary(ModelProtoSchema, metadata)])
      expect(ending(whole)).toBe('read')
    }
  })

  it('may not change as it is taken apart by hand: damage that protobuf passes over is an error of ours', () => {
    const bytes = encodeGraph(graphOf([node('MatMul', ['x', 'w'], 'y')], { w: weight }))
    const seen = new Set<string>()
    for (let at = 0; at < bytes.length; at++) {
      for (const change of [0, 7, 0x7f, 0xff]) {
        const damaged = bytes.slice()
        damaged[at] = change
        try {
          withParameters(damaged, new Map([['w', float32([4, 3])]]))
        } catch (problem) {
          if (!(problem instanceof HoldfastError)) throw problem
          seen.add(problem.code)
        }
      }
    }
    expect(seen.size).toBeGreaterThan(1)
  })

  it('may not read a shape from numbers that are none', () => {
    for (const sizes of [
      [2 ** 40, 2 ** 40],
      [2 ** 31, 4],
      [-3, 4],
    ]) {
      const graph = graphOf([node('Expand', ['x', 's'], 'y')], { s: int64([2], sizes) })
      const builder = new GraphBuilder()
      const x = builder.input('x', { type: 'float32', dims: [1, 4] })
      expect(() => specialise(builder, graph, { '': 17 }, new Map([['x', x]]))).toThrow(HoldfastError)
    }
  })
})
